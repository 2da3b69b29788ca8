#pragma once
#include "attention/cuda/scores.hpp"

// What the backward pass must know of each row before it can make a gradient.

namespace synfer::SYNFER_LEVEL {

template <class T>
constexpr std::size_t statistics_shared_bytes(std::int64_t d_key, std::int64_t d_value) {
    return shared_bytes<T>(2 * (d_key + d_value));
}

// top, inverse and mean of each row, in one pass over the keys. Nothing is kept from the forward pass, as on the CPU;
// and where a loss is put on the map, sum_s A dA cannot be had from the output alone.
template <class T>
__global__ void __launch_bounds__(block_threads) state_rows(const Pass<T> p) {
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value), bias_lags = static_cast<int>(a.bias_lags);
    const int map_lags = static_cast<int>(a.map_lags);
    const std::int64_t which = blockIdx.x / p.row_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.row_tiles) * tile_tokens;
    SharedMemory<T> memory;
    T *q = memory.tokens(D), *k = memory.tokens(D), *g = memory.tokens(E), *v = memory.tokens(E);
    const Corner corner;
    const T* grad_map = map_gradient(a, head);
    load_tile(q, a.q, head, D, first, L);
    load_tile(g, a.grad_out, head, E, first, L);

    T top[4], total[4], mean[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) top[i] = nothing<T>(), total[i] = mean[i] = T(0);
    for (int begin = 0; begin < S; begin += tile_tokens) {
        __syncthreads();
        load_tile(k, a.k, head, D, begin, S);
        load_tile(v, a.v, head, E, begin, S);
        __syncthreads();
        T z[4][4], d[4][4];
        dot(q, k, D, corner, z);
        dot(g, v, E, corner, d);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int key = begin + 4 * corner.x + j;
            const int column = a.bias == nullptr ? 0 : key / bias_lags;
            const int map_column = grad_map == nullptr ? 0 : key / map_lags;
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int row = first + 4 * corner.y + i;
                const bool here = key < S && row < L;
                z[i][j] = here ? logit(a, z[i][j], row, column) : nothing<T>();
                d[i][j] = dweight(a, d[i][j], grad_map, row, map_column, here);
            }
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            T most = top[i];
#pragma unroll
            for (int j = 0; j < 4; ++j) most = z[i][j] > most ? z[i][j] : most;
            most = largest_over(most);
            const T base = base_of(most), shrink = exponential_below(top[i], base);
            top[i] = most;
            T sum = T(0), product = T(0);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const T w = exponential_below(z[i][j], base);
                sum += w;
                product = multiply_add(w, d[i][j], product);
            }
            total[i] = multiply_add(total[i], shrink, sum);
            mean[i] = multiply_add(mean[i], shrink, product);
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const T sum = sum_over(total[i], 1), product = sum_over(mean[i], 1);
        const int row = first + 4 * corner.y + i;
        if (corner.x != 0 || row >= L) continue;
        const T inverse = sum == T(0) ? T(0) : T(1) / sum;
        p.top[which * L + row] = base_of(top[i]);
        p.inverse[which * L + row] = inverse;
        p.mean[which * L + row] = product * inverse;
    }
}

}  // namespace synfer::SYNFER_LEVEL
