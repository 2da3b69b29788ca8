#pragma once
#include "attention/cpu/layout.hpp"

// What the kernels spend their time in: products of panels (., row) with tokens (token, channel), blocked so that the
// sums stay in registers; and the exponential. N vectors hold a panel's rows, R = N lanes<T>.

namespace synfer::SYNFER_LEVEL {

// Sums held at a time for each of the up to three vectors of rows.
#if SYNFER_VECTOR_BYTES == 64
constexpr int sums_held = 8;
#else
constexpr int sums_held = 4;
#endif

#define SYNFER_INLINE __attribute__((always_inline))

template <int I>
struct Count {
    static constexpr int value = I;
};

// visit(i, n, sum_c from[i, c] panel[c, row n]) for I tokens.
template <class T, int I, int N, class Visit>
SYNFER_DEVICE void dot_some(Rows<T> from, const T* panel, std::int64_t n_channels, Visit visit) {
    Vector<T> sum[I][N];
    for (int i = 0; i < I; ++i) {
        for (int n = 0; n < N; ++n) sum[i][n] = Vector<T>{};
    }
    for (std::int64_t c = 0; c < n_channels; ++c) {
        Vector<T> x[N];
        for (int n = 0; n < N; ++n) x[n] = load(panel + (c * N + n) * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = broadcast(from.data[i * from.stride + c]);
            for (int n = 0; n < N; ++n) sum[i][n] = multiply_add(x[n], y, sum[i][n]);
        }
    }
    for (int i = 0; i < I; ++i) {
        for (int n = 0; n < N; ++n) visit(i, n, sum[i][n]);
    }
}

// The same for tokens [0, count): visit(token, n, sum).
template <class T, int N, class Visit>
SYNFER_DEVICE void dot(Rows<T> from, std::int64_t count, const T* panel, std::int64_t n_channels, Visit visit) {
    std::int64_t s = 0;
    const auto some = [&](auto tokens) SYNFER_INLINE {
        constexpr int I = decltype(tokens)::value;
        dot_some<T, I, N>({from.data + s * from.stride, from.stride}, panel, n_channels,
                          [&](int i, int n, Vector<T> sum) SYNFER_INLINE { visit(s + i, n, sum); });
        s += I;
    };
    while (s + sums_held <= count) some(Count<sums_held>{});
    if (sums_held > 4 && s + 4 <= count) some(Count<4>{});
    if (s + 2 <= count) some(Count<2>{});
    if (s < count) some(Count<1>{});
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

// exp(slope * x) for slope * x <= 0 or so, 0 where it is less than 2e-38; not a number where x is not one.
// With n the integer nearest slope * x / ln 2: 2^n by the exponent's bits, 2^f, |f| <= 1/2, by a polynomial.
// `slope` is given divided by ln 2.
SYNFER_DEVICE Vector<float> exponential(Vector<float> x, Vector<float> slope) {
    const Vector<float> magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    const Vector<float> shifted = multiply_add(x, slope, magic);
    const Vector<float> n = shifted - magic;
    const Vector<float> f = multiply_add(x, slope, -n);
    // Minimax with p(0) = 1, so that a lone key has weight 1; relative error 1.5e-8 before rounding. (A degree less has
    // 9e-8, of the same sign for neighbouring f: it would show in the mean over heads.)
    Vector<float> p = broadcast(1.53551402e-4f);
    p = multiply_add(p, f, broadcast(1.33989367e-3f));
    p = multiply_add(p, f, broadcast(9.61842947e-3f));
    p = multiply_add(p, f, broadcast(5.55033237e-2f));
    p = multiply_add(p, f, broadcast(2.40226477e-1f));
    p = multiply_add(p, f, broadcast(6.93147182e-1f));
    p = multiply_add(p, f, broadcast(1.0f));
    using Int = VectorTypes<float>::Int;
    const Int bits = (Int)p + ((Int)shifted << 23);
    return n < -125.0f ? Vector<float>{} : (Vector<float>)bits;
}
SYNFER_DEVICE Vector<double> exponential(Vector<double> x, Vector<double> slope) {
    const Vector<double> magic = broadcast(6755399441055744.0);  // 1.5 * 2^52
    const Vector<double> shifted = multiply_add(x, slope, magic);
    const Vector<double> n = shifted - magic;
    const Vector<double> f = multiply_add(x, slope, -n);
    // ln(2)^k / k!, k = 13 ... 0; relative error 5e-18 before rounding.
    constexpr double coefficients[] = {1.3691488853904128e-12, 2.5678435993488205e-11,
                                       4.4455382718708115e-10, 7.0549116208011233e-09,
                                       1.0178086009239699e-07, 1.3215486790144309e-06,
                                       1.5252733804059841e-05, 1.5403530393381609e-04,
                                       1.3333558146428443e-03, 9.6181291076284772e-03,
                                       5.5504108664821580e-02, 2.4022650695910071e-01,
                                       6.9314718055994531e-01, 1.0};
    Vector<double> p = broadcast(coefficients[0]);
    for (int k = 1; k < 14; ++k) p = multiply_add(p, f, broadcast(coefficients[k]));
    using Int = VectorTypes<double>::Int;
    const Int bits = (Int)p + ((Int)shifted << 52);
    return n < -1021.0 ? Vector<double>{} : (Vector<double>)bits;
}

}  // namespace synfer::SYNFER_LEVEL
