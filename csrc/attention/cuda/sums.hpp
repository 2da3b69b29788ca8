#pragma once
#include "attention/cuda/scores.hpp"

// What blocks that make a map, or the gradient of the bias, have in common (see map.hpp), and how their sums are added
// up.

namespace synfer::SYNFER_LEVEL {

// What a kernel is told besides.
template <class T>
struct SumPass {
    Pass<T> pass;
    int n_columns, lags;  // of the sum: S = n_columns lags
    // The columns are cut into column_tiles, each `width` wide or less; packed lags lie side by side in a tile.
    int column_tiles, width, packed;
    bool over_batch, over_heads;
    int n_sums;    // by how many blocks the heads are shared
    bool puts_by;  // a block has more heads than are added in turn
    T divisor;     // of the whole sum, where it has one block
    T* to;         // (n_sums, [B,] [H,] L, n_columns)
};

// Heads added in turn before their sum is put by, as in ../cpu/forward.cpp.
constexpr int heads_added_up = 16;

// The sums are of dz (Gradient) or of A.
// What is put by has room of its own, or, at the end, where keys have lain.
template <class U, int C, bool Gradient>
constexpr std::size_t sum_shared_bytes(int d_key, int d_value, bool puts_by) {
    const int tiles = 2 * U::template fetched_at_once<Gradient> *
                      (U::dotted_size(d_key, C) + (Gradient ? U::dotted_size(d_value, C) : 0));
    const int sums = tile_tokens * (tile_tokens + 1), both = puts_by ? tiles + sums : tiles > sums ? tiles : sums;
    return static_cast<std::size_t>(both + 2 * tile_tokens) * sizeof(typename U::Number);
}

// The keys of a tile: place x has lag x / width and column x % width in step 0, and in step t the lag is t packed more.
struct Places {
    const int *keys, *lags;  // (place), of step 0; -1 for a place without a column
    int n_lags, packed, more;

    __device__ int operator()(int x) const { return keys[x] < 0 || lags[x] + more >= n_lags ? -1 : keys[x] + more; }
    // What is in a place without a column is added to nothing: there, it may be any key.
    __device__ bool whole() const { return more + packed <= n_lags; }
    __device__ int taken(int x) const { return keys[x] < 0 ? 0 : keys[x] + more; }
};

// What the blocks that shared the heads found, added up.
constexpr int adding_threads = 256;
template <class T>
struct AddUp {
    const T* sums;  // (n_sums, count)
    T* to;          // (count)
    std::int64_t count;
    int n_sums;
    T divisor;
};
template <class T>
__global__ void __launch_bounds__(adding_threads) add_up(const AddUp<T> s) {
    const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * adding_threads + threadIdx.x;
    if (at >= s.count) return;
    double sum = 0.0;
    for (int i = 0; i < s.n_sums; ++i) sum += static_cast<double>(s.sums[i * s.count + at]);
    s.to[at] = static_cast<T>(sum / static_cast<double>(s.divisor));
}

}  // namespace synfer::SYNFER_LEVEL
