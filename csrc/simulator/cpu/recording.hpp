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

constexpr std::int64_t rows_ahead = 6;  // far enough for memory to answer, near enough to be there still

// Copies values (element) to row `row` of `n_rows` of what is recorded of the networks here, (network, row, unit).
template <class U>
void record_row(const Elements& elements, const U* values, U* recorded, std::int64_t n_rows, std::int64_t row) {
    const std::int64_t n = elements.n, stride = n_rows * elements.n_units;
    U* to = recorded + elements.offset(0, row, n_rows);
    for (std::int64_t g = 0; g < elements.count; ++g, values += n, to += stride) {
        // Many arrays are written by turns: too many for the processor to foresee, and stores that wait for memory keep
        // what follows waiting.
        const char* soon = reinterpret_cast<const char*>(to + rows_ahead * elements.n_units);
        const std::int64_t bytes = n * static_cast<std::int64_t>(sizeof(U));
        for (std::int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(soon + i, 1, 3);
        copy(values, n, to);
    }
}

// The first place in rising units, of n, of one that is not below `unit`.
inline std::int64_t first_place(const std::int64_t* units, std::int64_t n, std::int64_t unit) {
    std::int64_t begin = 0, end = n;
    while (begin < end) {
        const std::int64_t middle = begin + (end - begin) / 2;
        if (units[middle] < unit) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

// Of the elements [lo, end) of each network the units that are recorded, to row `row`. Apart, as what is rare.
template <class T, class U>
[[gnu::noinline]] void keep_some(const Elements& at, const Recorded<T>& to, const U* values, std::int64_t lo,
                                 std::int64_t end, U* recorded, std::int64_t row) {
    const std::int64_t first = first_place(to.units, to.n_units, at.from + lo);
    for (std::int64_t g = 0; g < at.count; ++g, values += at.n) {
        U* row_of_it = recorded + ((at.first + g) * to.n_rows + row) * to.n_units;
        for (std::int64_t i = first; i < to.n_units && to.units[i] < at.from + end; ++i)
            row_of_it[i] = values[to.units[i] - at.from - lo];
    }
}

// The units that are recorded among the elements [lo, lo + n), whose values these are, to row `row`. Of several
// networks side by side the elements are all there are.
template <class T, class U>
SYNFER_DEVICE void keep(const Elements& at, const Recorded<T>& to, const U* values, std::int64_t lo, std::int64_t n,
                        U* recorded, std::int64_t row) {
    if (recorded == nullptr) return;
    const std::int64_t end = lo + n < at.n ? lo + n : at.n;
    if (to.units != nullptr) return keep_some(at, to, values, lo, end, recorded, row);
    if (at.count > 1) return record_row(at, values, recorded, to.n_rows, row);
    copy(values, end - lo, recorded + at.offset(0, row, to.n_rows) + lo);
}

// The state and the drive of units without spikes after step k. Apart, so that what is rare costs the steps nothing.
template <class T, class Drive>
[[gnu::noinline]] void record_step(const Elements& at, const Recorded<T>* recorded, int n_recorded, const T* state,
                                   const T* input, const Drive& drive, std::int64_t k) {
    for (int i = 0; i < n_recorded; ++i) {
        const std::int64_t row = row_of_step(recorded[i], k);
        if (row < 0 || row >= recorded[i].n_rows) continue;
        keep(at, recorded[i], state, 0, at.width, recorded[i].states[0], row);
        keep(at, recorded[i], input, 0, at.width, recorded[i].drive, row);
        drive.record_alone(input, recorded[i],
                           [&](const T* values, T* rows) { keep(at, recorded[i], values, 0, at.width, rows, row); });
    }
}

}  // namespace synfer::SYNFER_LEVEL
