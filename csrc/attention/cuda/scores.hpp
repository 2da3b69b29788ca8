#pragma once
#include <cmath>

#include "attention/cuda/fragments.hpp"
#include "attention/cuda/layout.hpp"

// From products to logits, weights and their gradients. U is a kind of arithmetic: see layout.hpp.

namespace synfer::SYNFER_LEVEL {

template <class U>
using Pairs = typename U::Number[U::n_rows][U::n_columns];

__device__ inline double power_of_two(double x) { return exp2(x); }
// The other of two where one is not a number.
__device__ inline float larger(float a, float b) { return fmaxf(a, b); }
__device__ inline double larger(double a, double b) { return fmax(a, b); }

template <class T>
__device__ inline T nothing() {
    return -static_cast<T>(INFINITY);
}
// What the largest logit of a row counts as: 0 where all are -inf, so that their weights are 0 and not 0 / 0.
template <class T>
__device__ inline T base_of(T top) {
    return top == nothing<T>() ? T(0) : top;
}

// Over all lanes that have pairs of the same rows: neighbours, a power of two of them.
template <class U, class T>
__device__ inline T sum_over_lanes(T value) {
#pragma unroll
    for (int step = 1; step < U::row_lanes; step *= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}
template <class U, class T>
__device__ inline T largest_over_lanes(T value) {
#pragma unroll
    for (int step = 1; step < U::row_lanes; step *= 2) value = larger(value, __shfl_xor_sync(0xffffffffu, value, step));
    return value;
}

// z, products, become logits, and `beyond` where there is no key, of place j of the tile key_of(j), or no row.
template <class U, class T, class KeyOf>
__device__ inline void to_logits(const U& units, const Pass<T>& p, int first_row, KeyOf key_of, T beyond, Pairs<U>& z) {
    const Attention<T>& a = p.a;
    const T factor = U::scales_queries ? T(1) : p.factor;
    if (a.bias == nullptr) {
        if (!U::scales_queries) {
#pragma unroll
            for (int j = 0; j < U::n_columns; ++j) {
#pragma unroll
                for (int i = 0; i < U::n_rows; ++i) z[i][j] *= factor;
            }
        }
        if (key_of.whole()) return;
    }
    const int L = static_cast<int>(a.n_rows);
#pragma unroll
    for (int j = 0; j < U::n_columns; ++j) {
        const int key = key_of(units.column(j));
        const T* bias = a.bias == nullptr || key < 0 ? nullptr : a.bias + p.bias_lags.divide(key) * a.bias_strides[1];
#pragma unroll
        for (int i = 0; i < U::n_rows; ++i) {
            const int row = first_row + units.row(i);
            if (key < 0) {
                z[i][j] = beyond;
            } else if (bias != nullptr && row < L) {
                z[i][j] = multiply_add(z[i][j], factor, bias[row * a.bias_strides[0]]);
            }
        }
    }
}

// Where a head's gradient of the map begins, null for none.
template <class T>
__device__ inline const T* map_gradient(const Attention<T>& a, Head head) {
    if (a.grad_map == nullptr) return nullptr;
    const std::int64_t slice =
        (a.map_over_batch ? 0 : head.batch) * (a.map_over_heads ? 1 : a.n_heads) + (a.map_over_heads ? 0 : head.head);
    return a.grad_map + slice * a.n_rows * (a.n_keys / a.map_lags);
}

// d, products of the output's gradient and values, become gradients of the weights. `Turned`: own tokens are the keys.
template <bool Turned, class U, class T, class KeyOf>
__device__ inline void to_gradients(const U& units, const Pass<T>& p, Head head, int first_row, KeyOf key_of,
                                    Pairs<U>& d) {
    const T* gradient = map_gradient(p.a, head);
    if (gradient == nullptr) return;
    const int L = static_cast<int>(p.a.n_rows), columns = static_cast<int>(p.a.n_keys / p.a.map_lags);
    const T share = T(1) / p.a.map_shared;
    constexpr int outer = Turned ? U::n_rows : U::n_columns, inner = Turned ? U::n_columns : U::n_rows;
#pragma unroll
    for (int o = 0; o < outer; ++o) {
        const int key = key_of(Turned ? units.row(o) : units.column(o));
        const T* column = key < 0 ? nullptr : gradient + p.map_lags.divide(key);
#pragma unroll
        for (int n = 0; n < inner; ++n) {
            const int row = first_row + (Turned ? units.column(n) : units.row(n));
            T& to = Turned ? d[o][n] : d[n][o];
            if (column != nullptr && row < L)
                to = multiply_add(column[static_cast<std::int64_t>(row) * columns], share, to);
        }
    }
}

// What is known of a row: see Pass.
template <class T>
struct Row {
    T top, inverse, mean;

    __device__ Row() : top(0), inverse(1), mean(0) {}
    __device__ Row(const Pass<T>& p, Head head, int row) : Row() {
        if (!p.a.softmax || row >= p.a.n_rows) return;
        const std::int64_t at = (head.batch * p.a.n_heads + head.head) * p.a.n_rows + row;
        top = p.top[at], inverse = p.inverse[at];
        if (p.mean != nullptr) mean = p.mean[at];
    }
};

// A before it is divided by its row's sum: from a logit. Differences first, so that large logits keep their digits.
template <class T>
__device__ inline T exponential_below(const Pass<T>& p, T logit, T top) {
    return power_of_two((logit - top) * p.per_unit);
}
// Likewise of all pairs.
template <class T, int n_rows, int n_columns, class TopOf>
__device__ inline void to_exponentials(const Pass<T>& p, T (&z)[n_rows][n_columns], TopOf top_of) {
    if (p.in_twos) {
#pragma unroll
        for (int i = 0; i < n_rows; ++i) {
#pragma unroll
            for (int j = 0; j < n_columns; ++j) z[i][j] = power_of_two(z[i][j] - top_of(i, j));
        }
    } else {
#pragma unroll
        for (int i = 0; i < n_rows; ++i) {
#pragma unroll
            for (int j = 0; j < n_columns; ++j) z[i][j] = exponential_below(p, z[i][j], top_of(i, j));
        }
    }
}

}  // namespace synfer::SYNFER_LEVEL
