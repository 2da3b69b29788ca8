#pragma once
#include "attention/cpu/tokens.hpp"

// What the kernels spend their time in: products of panels (., row) with tokens (token, channel), blocked so that the
// sums stay in registers. N vectors hold a panel's rows, R = N lanes<T>.

namespace synfer::SYNFER_LEVEL {

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
    const Tokens<T, I> tokens(from);
    const auto channel = [&]() SYNFER_INLINE {
        Vector<T> x[N];
        for (int n = 0; n < N; ++n) x[n] = load(panel + (c * N + n) * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = broadcast(tokens.at(i)[c]);
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
    // The loop's own arithmetic takes turns with the products': less of it.
    while (c + 4 <= n_channels) channel(), channel(), channel(), channel();
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
    const T* token = from.data;
    const auto add = [&]() SYNFER_INLINE {
        Vector<T> x[N];
        for (int n = 0; n < N; ++n) x[n] = load(weights + n * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = broadcast(token[i]);
            for (int n = 0; n < N; ++n) held[i][n] = multiply_add(x[n], y, held[i][n]);
        }
        weights += N * lanes<T>;
        token += from.stride;
    };
    std::int64_t s = 0;
    for (; s + 4 <= count; s += 4) add(), add(), add(), add();
    for (; s < count; ++s) add();
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

}  // namespace synfer::SYNFER_LEVEL
