#pragma once
#include "attention/cpu/blocks.hpp"

// Heads of few rows and more keys: lanes that stood for rows would be empty for the most part, so here they stand for
// keys, (row, key), and the products that run over keys are made of their tokens as they lie.

namespace synfer::SYNFER_LEVEL {

constexpr int few = 8;                              // rows at most
constexpr std::int64_t most_few_weights = 1 << 16;  // of a head: they are held whole

template <class T>
SYNFER_DEVICE std::int64_t padded(std::int64_t count) {
    return (count + lanes<T> - 1) / lanes<T> * lanes<T>;
}

// Whether lanes of keys make less than about half as many vectors of a head's weights as lanes of rows do.
template <class T>
SYNFER_DEVICE bool few_rows(const Attention<T>& a) {
    return a.n_rows > 0 && a.n_rows <= few && a.n_keys > 0 && a.n_rows * padded<T>(a.n_keys) <= most_few_weights &&
           2 * a.n_rows * padded<T>(a.n_keys) <= a.n_keys * padded<T>(a.n_rows);
}

template <class T>
constexpr std::int64_t few_tile = 4 * lanes<T>;  // keys at a time whose channels are transposed

// All lanes joined, in each lane: the same whatever their order for `larger`, of fixed order for sums.
template <class T, class Join>
SYNFER_DEVICE Vector<T> joined(Vector<T> x, Join join) {
    if constexpr (lanes<T> == 16) {
        x = join(x, __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
        x = join(x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
        x = join(x, __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
        x = join(x, __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
    } else if constexpr (lanes<T> == 8) {
        x = join(x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3));
        x = join(x, __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5));
        x = join(x, __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6));
    } else if constexpr (lanes<T> == 4) {
        x = join(x, __builtin_shufflevector(x, x, 2, 3, 0, 1));
        x = join(x, __builtin_shufflevector(x, x, 1, 0, 3, 2));
    } else {
        x = join(x, __builtin_shufflevector(x, x, 1, 0));
    }
    return x;
}

// run(first row, Count of rows) until all are done, so many at once that their sums fill the registers.
template <class Run>
SYNFER_DEVICE void by_rows(std::int64_t n_rows, Run run) {
    std::int64_t r = 0;
#if SYNFER_VECTOR_BYTES == 64
    if (n_rows == 5) return run(r, Count<5>{});
#endif
    for (; r + 4 <= n_rows; r += 4) run(r, Count<4>{});
    if (r + 2 <= n_rows) run(r, Count<2>{}), r += 2;
    if (r < n_rows) run(r, Count<1>{});
}

// visit(row, n, sum_c rows[row, c] panel[c, key of vector n]): N vectors of keys, transposed.
template <class T, int N, class Visit>
SYNFER_DEVICE void dot_keys(Rows<T> rows, std::int64_t n_rows, const T* panel, std::int64_t n_channels, Visit visit) {
    by_rows(n_rows, [&](std::int64_t r, auto count) SYNFER_INLINE {
        dot_some<T, decltype(count)::value, N, false>(
            {rows.data + r * rows.stride, rows.stride}, panel, n_channels,
            [](int, int) SYNFER_INLINE { return Vector<T>{}; }, Nothing{},
            [&](int i, int n, Vector<T> sum) SYNFER_INLINE { visit(r + i, n, sum); });
    });
}

// Tokens as vectors V of channels: where they lie if their channels fill such vectors, else a copy in `to`, padded.
template <class T, class V>
SYNFER_DEVICE Rows<T> whole_vectors(Rows<T> from, std::int64_t count, std::int64_t n_channels, T* to) {
    constexpr std::int64_t length = sizeof(V) / sizeof(T);
    if (n_channels % length == 0) return from;
    const std::int64_t width = (n_channels + length - 1) / length * length;
    for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t c = 0; c < width; ++c) {
            to[i * width + c] = c < n_channels ? from.data[i * from.stride + c] : T(0);
        }
    }
    return {to, width};
}

template <class T, class V>
SYNFER_DEVICE V load_as(const T* from) {
    V x;
    __builtin_memcpy(&x, from, sizeof x);
    return x;
}
template <class T, class V>
SYNFER_DEVICE V broadcast_as(T x) {
    return x - V{};
}

// The first channels of x, as many as there are from c on, into a token's row.
template <class T, class V>
SYNFER_DEVICE void put_channels(T* row, std::int64_t c, std::int64_t n_channels, V x) {
    constexpr std::int64_t length = sizeof(V) / sizeof(T);
    if (c + length <= n_channels) {
        __builtin_memcpy(row + c, &x, sizeof x);
    } else {
        for (std::int64_t i = 0; c + i < n_channels; ++i) row[c + i] = x[i];
    }
}

}  // namespace synfer::SYNFER_LEVEL
