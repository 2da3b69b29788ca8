#pragma once
#include "attention/cuda/scores.hpp"

// The map, and the gradient of the bias: sums over heads and lags of A, or of dz. A block owns 64 rows and some columns
// of a sum, meets every head and lag that is summed over, makes the weights anew from the logits and what is known of
// their rows, adds them in registers and writes once. Where there are few such blocks, several share the heads, and
// what each found is added up afterwards, in their order.

namespace synfer::SYNFER_LEVEL {

// What a kernel is told besides.
template <class T>
struct SumPass {
    Pass<T> pass;
    int n_columns, lags;  // of the sum: S = n_columns lags
    // The columns are cut into column_tiles, each `width` wide or less; packed lags lie side by side in a tile.
    int column_tiles, width, packed;
    bool over_batch, over_heads;
    int n_sums;  // by how many blocks the heads are shared
    T divisor;   // of the whole sum, where it has one block
    T* to;       // (n_sums, [B,] [H,] L, n_columns)
};

// Heads added in turn before their sum is put by, as in ../cpu/forward.cpp.
constexpr int heads_added_up = 16;

// The sums are of dz (Gradient) or of A.
template <class T, bool Gradient>
constexpr std::size_t sum_shared_bytes(std::int64_t d_key, std::int64_t d_value) {
    return shared_bytes<T>(2 * (d_key + (Gradient ? d_value : 0)));
}

template <class T, bool Gradient>
__global__ void __launch_bounds__(block_threads) add_weights(const SumPass<T> s) {
    const Pass<T>& p = s.pass;
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), D = static_cast<int>(a.d_key), E = static_cast<int>(a.d_value);
    const int bias_lags = static_cast<int>(a.bias_lags), map_lags = static_cast<int>(a.map_lags);
    std::int64_t block = blockIdx.x;
    const int first = static_cast<int>(block % p.row_tiles) * tile_tokens;
    block /= p.row_tiles;
    const int first_column = static_cast<int>(block % s.column_tiles) * s.width;
    block /= s.column_tiles;
    const std::int64_t batches = s.over_batch ? a.n_batch : 1, heads = s.over_heads ? a.n_heads : 1;
    const std::int64_t slices = a.n_batch * a.n_heads / (batches * heads), slice = block % slices;
    const std::int64_t sum = block / slices, members = batches * heads;
    const int left = s.n_columns - first_column, width = left < s.width ? left : s.width;

    SharedMemory<T> memory;
    T *q = memory.tokens(D), *k = memory.tokens(D);
    T *g = memory.tokens(Gradient ? E : 0), *v = memory.tokens(Gradient ? E : 0), *pairs = memory.next;
    const Corner corner;
    T whole[4][4], part[4][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) whole[i][j] = part[i][j] = T(0);
    }
    // The key of a tile's place x in step t, -1 for none.
    const auto key_of = [&](int t, int x) {
        const int lag = t * s.packed + x / s.width, column = x % s.width;
        return column < width && x < s.packed * s.width && lag < s.lags ? (first_column + column) * s.lags + lag : -1;
    };

    int added = 0;
    for (std::int64_t m = sum * members / s.n_sums; m < (sum + 1) * members / s.n_sums; ++m) {
        const std::int64_t slice_heads = s.over_heads ? 1 : a.n_heads;
        const Head head{s.over_batch ? m / heads : slice / slice_heads, s.over_heads ? m % heads : slice % slice_heads};
        const T* grad_map = Gradient ? map_gradient(a, head) : nullptr;
        __syncthreads();
        load_tile(q, a.q, head, D, first, L);
        if (Gradient) load_tile(g, a.grad_out, head, E, first, L);
        Row<T> rows[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) rows[i] = Row<T>(p, head, first + 4 * corner.y + i);
        for (int t = 0; t * s.packed < s.lags; ++t) {
            const auto token = [&](int x) { return static_cast<std::int64_t>(key_of(t, x)); };
            if (t > 0) __syncthreads();
            load_tokens(k, a.k, head, D, token);
            if (Gradient) load_tokens(v, a.v, head, E, token);
            __syncthreads();
            T z[4][4], d[4][4];
            dot(q, k, D, corner, z);
            if (Gradient) dot(g, v, E, corner, d);
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const int key = key_of(t, 4 * corner.x + j);
                const int column = a.bias == nullptr || key < 0 ? 0 : key / bias_lags;
                const int map_column = grad_map == nullptr || key < 0 ? 0 : key / map_lags;
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int row = first + 4 * corner.y + i;
                    const bool here = key >= 0 && row < L;
                    T w = weight(a, z[i][j], rows[i], row, column, here);
                    if (Gradient) w = dscore(a, w, dweight(a, d[i][j], grad_map, row, map_column, here), rows[i], here);
                    part[i][j] += w;
                }
            }
        }
        if (++added % heads_added_up != 0) continue;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) whole[i][j] += part[i][j], part[i][j] = T(0);
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) whole[i][j] += part[i][j];
    }

    // Lags that lay side by side are added up by whoever writes.
    put_pairs(pairs, corner, whole);
    __syncthreads();
    T* to = s.to + (sum * slices + slice) * L * s.n_columns + first_column;
    for (int at = static_cast<int>(threadIdx.x); at < tile_tokens * width; at += block_threads) {
        const int i = at / width, column = at % width;
        if (first + i >= L) break;
        T total = T(0);
        for (int lag = 0; lag < s.packed; ++lag) total += pair_four(pairs, lag * s.width + column, i / 4).x[i % 4];
        to[static_cast<std::int64_t>(first + i) * s.n_columns + column] = s.n_sums > 1 ? total : total / s.divisor;
    }
}

// What the blocks that shared the heads found, added up.
template <class T>
struct AddUp {
    const T* sums;  // (n_sums, count)
    T* to;          // (count)
    std::int64_t count;
    int n_sums;
    T divisor;
};
template <class T>
__global__ void __launch_bounds__(block_threads) add_up(const AddUp<T> s) {
    const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
    if (at >= s.count) return;
    double sum = 0.0;
    for (int i = 0; i < s.n_sums; ++i) sum += static_cast<double>(s.sums[i * s.count + at]);
    s.to[at] = static_cast<T>(sum / static_cast<double>(s.divisor));
}

}  // namespace synfer::SYNFER_LEVEL
