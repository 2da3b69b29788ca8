#pragma once
#include "common/vector.hpp"
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

template <int bytes>
SYNFER_DEVICE void copy_bytes(const char* from, char* to) {
    __builtin_memcpy(to, from, bytes);
}

// n values. The rows of small networks are short: a call of the library's memmove costs as much as they do.
template <class U>
SYNFER_DEVICE void copy(const U* values, std::int64_t n, U* recorded) {
    constexpr std::int64_t whole = SYNFER_VECTOR_BYTES;
    const char* from = reinterpret_cast<const char*>(values);
    char* to = reinterpret_cast<char*>(recorded);
    const std::int64_t bytes = n * static_cast<std::int64_t>(sizeof(U));
    if (bytes >= whole) {
        for (std::int64_t i = 0; i < bytes - whole; i += whole) copy_bytes<whole>(from + i, to + i);
        return copy_bytes<whole>(from + bytes - whole, to + bytes - whole);
    }
    std::int64_t i = 0;
    if (bytes - i >= 32) copy_bytes<32>(from + i, to + i), i += 32;
    if (bytes - i >= 16) copy_bytes<16>(from + i, to + i), i += 16;
    if (bytes - i >= 8) copy_bytes<8>(from + i, to + i), i += 8;
    if (bytes - i >= 4) copy_bytes<4>(from + i, to + i), i += 4;
    for (; i < bytes; ++i) to[i] = from[i];
}

// Copies values (element) to row `row` of `n_rows` of what is recorded of the networks here, (network, row, unit).
template <class U>
void record_row(const Elements& elements, const U* values, U* recorded, std::int64_t n_rows, std::int64_t row) {
    const std::int64_t n = elements.n, stride = n_rows * elements.n_units;
    U* to = recorded + elements.offset(0, row, n_rows);
    for (std::int64_t g = 0; g < elements.count; ++g, values += n, to += stride) copy(values, n, to);
}

}  // namespace synfer::SYNFER_LEVEL
