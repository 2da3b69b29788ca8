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

// Asks for the channels of a token long before they are needed: the processor foresees nothing beyond the end of a page.
template <class T>
SYNFER_DEVICE void foresee(const T* token, std::int64_t n_channels) {
    for (std::int64_t c = 0; c < n_channels; c += 64 / static_cast<std::int64_t>(sizeof(T))) {
        __builtin_prefetch(token + c, 0, 2);
    }
}

template <int I>
struct Count {
    static constexpr int value = I;
};

// Addresses of I tokens that an instruction can hold: one in four is a pointer, the others stand a multiple of the stride
// behind it. Left to itself the compiler keeps a multiple for each token, more than there are registers.
template <class T, int I>
struct Tokens {
    const T* fourth[(I + 3) / 4];
    std::int64_t stride, thrice;

    SYNFER_DEVICE explicit Tokens(Rows<T> from) : stride(from.stride), thrice(3 * from.stride) {
        for (int i = 0; i < (I + 3) / 4; ++i) {
            fourth[i] = from.data + 4 * i * stride;
            asm("" : "+r"(fourth[i]));
        }
        asm("" : "+r"(thrice));
    }
    SYNFER_DEVICE const T* at(int i) const {
        return fourth[i / 4] + (i % 4 == 0 ? 0 : i % 4 == 1 ? stride : i % 4 == 2 ? 2 * stride : thrice);
    }
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

// visit(i, j, sum_r weights[i, r] rows[r, vector j]) for I tokens and J vectors; `spread` makes a vector of a row's weight
// for a token, from weights (token, row, spread.each).
template <class T, int I, int J, class Spread, class Visit>
SYNFER_DEVICE void gather_some(const T* weights, std::int64_t stride, const T* rows, std::int64_t width,
                               std::int64_t n_rows, Spread, Visit visit) {
    Vector<T> sum[I][J];
    for (int i = 0; i < I; ++i) {
        for (int j = 0; j < J; ++j) sum[i][j] = Vector<T>{};
    }
    const Tokens<T, I> tokens({weights, stride});
    std::int64_t at = 0;
    const auto row = [&]() SYNFER_INLINE {
        Vector<T> x[J];
        for (int j = 0; j < J; ++j) x[j] = load(rows + j * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = Spread::of(tokens.at(i) + at);
            for (int j = 0; j < J; ++j) sum[i][j] = multiply_add(x[j], y, sum[i][j]);
        }
        rows += width;
        at += Spread::each;
    };
    std::int64_t r = 0;
    for (; r + 4 <= n_rows; r += 4) row(), row(), row(), row();
    for (; r < n_rows; ++r) row();
    for (int i = 0; i < I; ++i) {
        for (int j = 0; j < J; ++j) visit(i, j, sum[i][j]);
    }
}

// One weight for all channels, or a pair for channels that alternate between two partners.
struct Alone {
    static constexpr std::int64_t each = 1;
    template <class T>
    SYNFER_DEVICE static Vector<T> of(const T* weight) {
        return broadcast(*weight);
    }
};
struct InPairs {
    static constexpr std::int64_t each = 2;
    template <class T>
    SYNFER_DEVICE static Vector<T> of(const T* weight) {
        return broadcast_pair(weight);
    }
};

// visit(token, vector, sum) for `count` tokens and all vectors of `width`.
template <class T, class Spread, class Visit>
SYNFER_DEVICE void gather(const T* weights, std::int64_t stride, std::int64_t count, const T* rows, std::int64_t width,
                          std::int64_t n_rows, Visit visit) {
    std::int64_t i = 0;
    const auto some = [&](auto tokens) SYNFER_INLINE {
        constexpr int I = decltype(tokens)::value;
        std::int64_t j = 0;
        const auto keep = [&](int token, int vector, Vector<T> sum) SYNFER_INLINE {
            visit(i + token, j + vector, sum);
        };
        const T* from = weights + i * stride;
        for (; j + 2 <= width / lanes<T>; j += 2) {
            gather_some<T, I, 2>(from, stride, rows + j * lanes<T>, width, n_rows, Spread{}, keep);
        }
        if (j < width / lanes<T>) {
            gather_some<T, I, 1>(from, stride, rows + j * lanes<T>, width, n_rows, Spread{}, keep);
        }
        i += I;
    };
    if (width == lanes<T>) {
        while (i + 2 * sums_held <= count) some(Count<2 * sums_held>{});
    }
    while (i + sums_held <= count) some(Count<sums_held>{});
    if (sums_held > 4 && i + 4 <= count) some(Count<4>{});
    if (i + 2 <= count) some(Count<2>{});
    if (i < count) some(Count<1>{});
}

}  // namespace synfer::SYNFER_LEVEL
