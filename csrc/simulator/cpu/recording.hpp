#pragma once
#include "simulator/cpu/layout.hpp"

namespace synfer::SYNFER_LEVEL {

// Copies row (element) to row `to_row` of `n_rows` of what is recorded of each network here, (network, time, unit).
template <class U>
void record_row(const Elements& elements, const U* __restrict__ row, U* recorded, std::int64_t n_rows,
                std::int64_t to_row) {
    const std::int64_t units = elements.n, networks = elements.count;
    U* __restrict__ to = recorded + (elements.first * n_rows + to_row) * units;
    for (std::int64_t g = 0; g < networks; ++g, row += units, to += n_rows * units) {
#pragma omp simd
        for (std::int64_t i = 0; i < units; ++i) to[i] = row[i];
    }
}

}  // namespace synfer::SYNFER_LEVEL
