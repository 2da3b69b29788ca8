#pragma once
#include "attention/cuda/scores.hpp"

// The gradients of q, by blocks that own rows, and of k and v, by blocks that own keys. No sum has more than one owner,
// so that there are no atomic additions.

namespace synfer::SYNFER_LEVEL {

template <class T>
constexpr std::size_t gradient_shared_bytes(int C) {
    return shared_bytes<T>(4 * C);
}

// dq = scale dz k
template <class T, int C>
__global__ void __launch_bounds__(block_threads) differentiate_rows(const Pass<T> p) {
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value), bias_lags = static_cast<int>(a.bias_lags);
    const int map_lags = static_cast<int>(a.map_lags);
    const std::int64_t which = blockIdx.x / p.row_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.row_tiles) * tile_tokens;
    SharedMemory<T> memory;
    T *q = memory.tokens(C), *k = memory.tokens(C), *g = memory.tokens(C), *v = memory.tokens(C);
    T* pairs = memory.next;
    const Corner corner;
    const T* grad_map = map_gradient(a, head);
    load_tile(q, a.q, head, D, first, L);
    load_tile(g, a.grad_out, head, E, first, L);
    Row<T> rows[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) rows[i] = Row<T>(p, head, first + 4 * corner.y + i);

    Mixed<T, C> dq;
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
                const T w = weight(a, z[i][j], rows[i], row, column, here);
                z[i][j] = dscore(a, w, dweight(a, d[i][j], grad_map, row, map_column, here), rows[i], here);
            }
        }
        put_pairs(pairs, corner, z);
        __syncthreads();
        dq.add(pairs, k);
    }
    const T factor[4] = {a.scale, a.scale, a.scale, a.scale};
    dq.store(a.dq, head, first, L, D, factor);
}

// dk = scale dz' q, dv = A' g: a block's own tokens are keys here, the others rows.
template <class T, int C>
__global__ void __launch_bounds__(block_threads) differentiate_keys(const Pass<T> p) {
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value), bias_lags = static_cast<int>(a.bias_lags);
    const int map_lags = static_cast<int>(a.map_lags);
    const std::int64_t which = blockIdx.x / p.key_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.key_tiles) * tile_tokens;
    SharedMemory<T> memory;
    T *k = memory.tokens(C), *q = memory.tokens(C), *v = memory.tokens(C), *g = memory.tokens(C);
    T* pairs = memory.next;
    const Corner corner;
    const T* grad_map = map_gradient(a, head);
    load_tile(k, a.k, head, D, first, S);
    load_tile(v, a.v, head, E, first, S);
    int column[4], map_column[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int key = first + 4 * corner.y + i;
        column[i] = key / bias_lags, map_column[i] = key / map_lags;
    }

    Mixed<T, C> dk, dv;
    for (int begin = 0; begin < L; begin += tile_tokens) {
        __syncthreads();
        load_tile(q, a.q, head, D, begin, L);
        load_tile(g, a.grad_out, head, E, begin, L);
        __syncthreads();
        T z[4][4], d[4][4];
        dot(k, q, D, corner, z);
        dot(v, g, E, corner, d);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int row = begin + 4 * corner.x + j;
            const Row<T> of(p, head, row);
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const bool here = row < L && first + 4 * corner.y + i < S;
                z[i][j] = weight(a, z[i][j], of, row, column[i], here);
                d[i][j] = dscore(a, z[i][j], dweight(a, d[i][j], grad_map, row, map_column[i], here), of, here);
            }
        }
        put_pairs(pairs, corner, z);
        __syncthreads();
        dv.add(pairs, g);
        __syncthreads();
        put_pairs(pairs, corner, d);
        __syncthreads();
        dk.add(pairs, q);
    }
    const T one[4] = {T(1), T(1), T(1), T(1)}, scale[4] = {a.scale, a.scale, a.scale, a.scale};
    dv.store(a.dv, head, first, S, E, one);
    dk.store(a.dk, head, first, S, D, scale);
}

}  // namespace synfer::SYNFER_LEVEL
