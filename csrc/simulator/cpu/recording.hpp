#pragma once
#include "simulator/cpu/layout.hpp"
#include "simulator/recorded.hpp"

namespace synfer::SYNFER_LEVEL {

// The row that the state after step k belongs in; -1 for none.
template <class T>
SYNFER_DEVICE std::int64_t row_of_step(const Recorded<T>& recorded, std::int64_t k) {
    const std::int64_t since = k - recorded.from;
    if (recorded.every == 1 || since < 0) return since < 0 ? -1 : since;
    return (since + 1) % recorded.every == 0 ? since / recorded.every : -1;
}

// Copies values (element) to row `row` of `n_rows` of what is recorded of the networks here, (network, row, unit).
template <class U>
void record_row(const Elements& elements, const U* __restrict__ values, U* recorded, std::int64_t n_rows,
                std::int64_t row) {
    const std::int64_t n = elements.n, networks = elements.count, stride = n_rows * elements.n_units;
    U* __restrict__ to = recorded + elements.offset(0, row, n_rows);
    for (std::int64_t g = 0; g < networks; ++g, values += n, to += stride) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) to[i] = values[i];
    }
}

}  // namespace synfer::SYNFER_LEVEL
