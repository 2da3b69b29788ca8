#pragma once
#include "attention/cpu/panels.hpp"

// What the kernels spend their time in: products of panels (., row) with tokens (token, channel), blocked so that the
// sums stay in registers. N vectors hold a panel's rows, R = N lanes<T>.

namespace synfer::SYNFER_LEVEL {

// Sums held at a time for each of the up to three vectors of rows.
#if SYNFER_VECTOR_BYTES == 64
constexpr int sums_held = 8;
#else
constexpr int sums_held = 4;
#endif

constexpr std::int64_t tile =
    64;  // keys at a time: their scores, and the keys themselves, stay in the first-level cache

template <int I>
struct Count {
    static constexpr int value = I;
};

// What else may be done beside a product, beside(i, n) for each token and vector of rows before it is visited: a step
// after each channel, so that waiting for memory costs nothing while there is arithmetic.
struct Nothing {
    static constexpr bool here = false;
    SYNFER_DEVICE void operator()(std::int64_t, int) const {}
};

// visit(i, n, start(i, n) + sum_c from[i, c] panel[c, row n]) for I tokens.
template <class T, int I, int N, bool Besides, class Start, class Beside, class Visit>
SYNFER_DEVICE void dot_some(Rows<T> from, const T* panel, std::int64_t n_channels, Start start, Beside beside,
                            Visit visit) {
    Vector<T> sum[I][N];
    for (int i = 0; i < I; ++i) {
        for (int n = 0; n < N; ++n) sum[i][n] = start(i, n);
    }
    std::int64_t c = 0;
    const auto channel = [&]() SYNFER_INLINE {
        Vector<T> x[N];
        for (int n = 0; n < N; ++n) x[n] = load(panel + (c * N + n) * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = broadcast(from.data[i * from.stride + c]);
            for (int n = 0; n < N; ++n) sum[i][n] = multiply_add(x[n], y, sum[i][n]);
        }
        ++c;
    };
    if constexpr (Besides) {
        int token = 0;
        for (; token < I && c + N <= n_channels; ++token) {
            for (int n = 0; n < N; ++n) channel(), beside(token, n);
        }
        for (; token < I; ++token) {
            for (int n = 0; n < N; ++n) beside(token, n);
        }
    }
    while (c < n_channels) channel();
    for (int i = 0; i < I; ++i) {
        for (int n = 0; n < N; ++n) visit(i, n, sum[i][n]);
    }
}

// The same for tokens [0, count): start(token, n), beside(token, n), visit(token, n, sum).
template <class T, int N, class Start, class Beside, class Visit>
SYNFER_DEVICE void dot(Rows<T> from, std::int64_t count, const T* panel, std::int64_t n_channels, Start start,
                       Beside beside, Visit visit) {
    std::int64_t s = 0;
    const auto some = [&](auto tokens) SYNFER_INLINE {
        constexpr int I = decltype(tokens)::value;
        dot_some<T, I, N, Beside::here>(
            {from.data + s * from.stride, from.stride}, panel, n_channels,
            [&](int i, int n) SYNFER_INLINE { return start(s + i, n); },
            [&](int i, int n) SYNFER_INLINE { beside(s + i, n); },
            [&](int i, int n, Vector<T> sum) SYNFER_INLINE { visit(s + i, n, sum); });
        s += I;
    };
    while (s + sums_held <= count) some(Count<sums_held>{});
    if (sums_held > 4 && s + 4 <= count) some(Count<4>{});
    if (s + 2 <= count) some(Count<2>{});
    if (s < count) some(Count<1>{});
}
// From nothing.
template <class T, int N, class Beside, class Visit>
SYNFER_DEVICE void dot(Rows<T> from, std::int64_t count, const T* panel, std::int64_t n_channels, Beside beside,
                       Visit visit) {
    dot<T, N>(
        from, count, panel, n_channels, [](std::int64_t, int) SYNFER_INLINE { return Vector<T>{}; }, beside, visit);
}

// sum[c, row] += sum_i weights[i, row] from[i, c] over `count` tokens, for I channels.
template <class T, int I, int N>
SYNFER_DEVICE void mix_some(const T* weights, Rows<T> from, std::int64_t count, T* sum) {
    Vector<T> held[I][N];
    for (int i = 0; i < I; ++i) {
        for (int n = 0; n < N; ++n) held[i][n] = Vector<T>{};
    }
    for (std::int64_t s = 0; s < count; ++s) {
        Vector<T> x[N];
        for (int n = 0; n < N; ++n) x[n] = load(weights + (s * N + n) * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = broadcast(from.data[s * from.stride + i]);
            for (int n = 0; n < N; ++n) held[i][n] = multiply_add(x[n], y, held[i][n]);
        }
    }
    for (int i = 0; i < I; ++i) {
        for (int n = 0; n < N; ++n) {
            T* to = sum + (i * N + n) * lanes<T>;
            store(to, load(to) + held[i][n]);
        }
    }
}

template <class T, int N>
SYNFER_DEVICE void mix(const T* weights, Rows<T> from, std::int64_t count, std::int64_t n_channels, T* sum) {
    constexpr std::int64_t R = N * lanes<T>;
    std::int64_t c = 0;
    const auto some = [&](auto channels) SYNFER_INLINE {
        constexpr int I = decltype(channels)::value;
        mix_some<T, I, N>(weights, {from.data + c, from.stride}, count, sum + c * R);
        c += I;
    };
    while (c + sums_held <= n_channels) some(Count<sums_held>{});
    if (sums_held > 4 && c + 4 <= n_channels) some(Count<4>{});
    if (c + 2 <= n_channels) some(Count<2>{});
    if (c < n_channels) some(Count<1>{});
}

// visit(i, j, sum_r pairs[i, r] rows[r, vector j]) for I tokens and J vectors: pairs (token, row, 2) times rows
// (row, width) whose channels alternate between the two partners.
template <class T, int I, int J, class Visit>
SYNFER_DEVICE void gather_some(const T* pairs, std::int64_t pairs_stride, const T* rows, std::int64_t width,
                               std::int64_t n_rows, Visit visit) {
    Vector<T> sum[I][J];
    for (int i = 0; i < I; ++i) {
        for (int j = 0; j < J; ++j) sum[i][j] = Vector<T>{};
    }
    for (std::int64_t r = 0; r < n_rows; ++r) {
        Vector<T> x[J];
        for (int j = 0; j < J; ++j) x[j] = load(rows + r * width + j * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = broadcast_pair(pairs + i * pairs_stride + 2 * r);
            for (int j = 0; j < J; ++j) sum[i][j] = multiply_add(x[j], y, sum[i][j]);
        }
    }
    for (int i = 0; i < I; ++i) {
        for (int j = 0; j < J; ++j) visit(i, j, sum[i][j]);
    }
}

}  // namespace synfer::SYNFER_LEVEL
