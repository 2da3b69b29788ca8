#pragma once
#include "attention/cuda/backward_rows.hpp"

namespace synfer::SYNFER_LEVEL {

// dk = scale dz' q, dv = A' g: a block's own tokens are keys here, the others rows.
template <class U, int C>
__global__ void __launch_bounds__(U::threads, U::blocks(Work::differentiate, C))
    differentiate_keys(const Pass<typename U::Number> p) {
    using T = typename U::Number;
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value);
    const std::int64_t which = blockIdx.x / p.key_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.key_tiles) * tile_tokens;
    const Consecutive own{first, S};
    const U units;
    SharedMemory<T> memory;
    const auto k = units.tile(memory, D, 0), q = units.tile(memory, D, C);
    const auto v = units.tile(memory, E, 0), g = units.tile(memory, E, C);
    T *const known = memory.take(3 * tile_tokens), *const pairs = memory.next;
    const auto q_from = units.queries(a.q, head, D, p.factor);
    const auto k_from = units.source(a.k, head, D);
    const auto v_from = units.source(a.v, head, E), g_from = units.source(a.grad_out, head, E);
    units.fetch(k, k_from, own);
    units.fetch(v, v_from, own);
    units.fetch(q, q_from, Consecutive{0, L});
    units.fetch(g, g_from, Consecutive{0, L});

    typename U::template Mixed<C> dk(units), dv(units);
    for (int begin = 0; begin < L; begin += tile_tokens) {
        const Consecutive next{begin + tile_tokens, L};
        for (int i = static_cast<int>(threadIdx.x); i < tile_tokens; i += U::threads) {
            const Row<T> row(p, head, begin + i);
            known[i] = row.top, known[tile_tokens + i] = row.inverse, known[2 * tile_tokens + i] = row.mean;
        }
        units.template arrived<1>();  // the queries
        __syncthreads();
        Pairs<U> z, d;
        units.dot(k, q, z);
        if (a.bias == nullptr) {
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) {
#pragma unroll
                for (int j = 0; j < U::n_columns; ++j) z[i][j] *= p.factor;
            }
        } else {
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) {
                const int key = own(units.row(i));
                const T* bias = a.bias + (key < 0 ? 0 : p.bias_lags.divide(key)) * a.bias_strides[1];
#pragma unroll
                for (int j = 0; j < U::n_columns; ++j) {
                    const int row = begin + units.column(j);
                    z[i][j] = multiply_add(z[i][j], p.factor, row < L ? bias[row * a.bias_strides[0]] : T(0));
                }
            }
        }
        if (a.softmax) {
            to_exponentials(p, z, [&](int, int j) { return known[units.column(j)]; });
#pragma unroll
            for (int j = 0; j < U::n_columns; ++j) {
                const int at = units.column(j);
                const T inverse = begin + at < L ? known[tile_tokens + at] : T(0);
#pragma unroll
                for (int i = 0; i < U::n_rows; ++i) z[i][j] *= inverse;
            }
        }
        units.template arrived<0>();  // the output's gradients
        __syncthreads();
        units.dot(v, g, d);
        dv.add(units, z, g, pairs);
        to_gradients<true>(units, p, head, begin, own, d);
        if (a.softmax) {
#pragma unroll
            for (int j = 0; j < U::n_columns; ++j) {
                const T mean = known[2 * tile_tokens + units.column(j)];
#pragma unroll
                for (int i = 0; i < U::n_rows; ++i) d[i][j] = z[i][j] * (d[i][j] - mean);
            }
        }
        dk.add(units, d, q, pairs);
        __syncthreads();
        units.fetch(q, q_from, next);
        units.fetch(g, g_from, next);
    }
    T one[U::n_rows], scale[U::n_rows];
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) one[i] = T(1), scale[i] = a.scale;
    dv.store(units, a.dv, head, first, S, E, one);
    dk.store(units, a.dk, head, first, S, D, scale);
}

}  // namespace synfer::SYNFER_LEVEL
