#pragma once
#include "attention/cuda/scores.hpp"

// The forward pass in the manner of FlashAttention: a block owns 64 rows of a head and meets the keys a tile at a time;
// the largest logit so far and the sum of exponentials are corrected as it goes, and kept for the map.

namespace synfer::SYNFER_LEVEL {

template <class T>
constexpr std::size_t forward_shared_bytes(int C) {
    return shared_bytes<T>(3 * C);
}

template <class T, int C>
__global__ void __launch_bounds__(block_threads) attend(const Pass<T> p) {
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value), bias_lags = static_cast<int>(a.bias_lags);
    const std::int64_t which = blockIdx.x / p.row_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.row_tiles) * tile_tokens;
    SharedMemory<T> memory;
    T *q = memory.tokens(C), *k = memory.tokens(C), *v = memory.tokens(C), *pairs = memory.next;
    const Corner corner;
    load_tile(q, a.q, head, D, first, L);

    Mixed<T, C> out;
    T top[4], total[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) top[i] = nothing<T>(), total[i] = T(0);
    for (int begin = 0; begin < S; begin += tile_tokens) {
        __syncthreads();  // what was there has been read
        load_tile(k, a.k, head, D, begin, S);
        load_tile(v, a.v, head, E, begin, S);
        __syncthreads();
        T z[4][4];
        dot(q, k, D, corner, z);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int key = begin + 4 * corner.x + j;
            const int column = a.bias == nullptr ? 0 : key / bias_lags;
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int row = first + 4 * corner.y + i;
                const bool here = key < S && row < L;
                z[i][j] = here ? logit(a, z[i][j], row, column) : a.softmax ? nothing<T>() : T(0);
            }
        }
        if (a.softmax) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                T most = top[i];
#pragma unroll
                for (int j = 0; j < 4; ++j) most = z[i][j] > most ? z[i][j] : most;
                most = largest_over(most);
                const T base = base_of(most), shrink = exponential_below(top[i], base);
                top[i] = most;
                out.scale(i, shrink);
                T sum = T(0);
#pragma unroll
                for (int j = 0; j < 4; ++j) sum += z[i][j] = exponential_below(z[i][j], base);
                total[i] = multiply_add(total[i], shrink, sum);
            }
        }
        put_pairs(pairs, corner, z);
        __syncthreads();
        out.add(pairs, v);
    }

    T factor[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const T sum = sum_over(total[i], 1);
        factor[i] = !a.softmax ? T(1) : sum == T(0) ? T(0) : T(1) / sum;
        const int row = first + 4 * corner.y + i;
        if (p.top != nullptr && corner.x == 0 && row < L) {
            p.top[which * L + row] = base_of(top[i]);
            p.inverse[which * L + row] = factor[i];
        }
    }
    out.store(a.out, head, first, L, E, factor);
}

}  // namespace synfer::SYNFER_LEVEL
