#pragma once
#include "attention/cuda/ordinary.hpp"

namespace synfer::SYNFER_LEVEL {

// Sums (own token, channel) over other tokens of pairs[other, own] tokens[channel, other]: thread (y, x) has four own
// tokens and the channels group + j n_groups. Where there are fewer groups than threads in a row, those of one group
// take the other tokens in turn, and add up at the end.
template <class T>
template <int C>
struct Ordinary<T>::Mixed {
    static constexpr int n_groups = C / 4 < side ? C / 4 : side;
    static constexpr int n_splits = side / n_groups;
    static constexpr int n_channels = C / n_groups;  // of a thread
    static_assert(n_groups * n_splits == side && n_groups * n_channels == C);
    T sum[4][n_channels];
    int group, split;

    __device__ explicit Mixed(const Ordinary& units) : group(units.x % n_groups), split(units.x / n_groups) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = 0; j < n_channels; ++j) sum[i][j] = T(0);
        }
    }
    __device__ void scale(int i, T factor) {
#pragma unroll
        for (int j = 0; j < n_channels; ++j) sum[i][j] *= factor;
    }
    // Called by all threads; the pairs pass through shared memory.
    __device__ void add(const Ordinary& units, const T (&weights)[4][4], const Tile& tokens, T* pairs) {
        __syncthreads();  // what was there has been read
        units.put_pairs(pairs, weights);
        __syncthreads();
#pragma unroll 1
        for (int t = split; t < tile_tokens / 4; t += n_splits) {
            Four<T> w[4];
#pragma unroll
            for (int k = 0; k < 4; ++k) w[k] = pair_four(pairs, 4 * t + k, units.y);
#pragma unroll
            for (int j = 0; j < n_channels; ++j) {
                const auto x = *reinterpret_cast<const Four<T>*>(tokens.at + (group + j * n_groups) * pitch + 4 * t);
#pragma unroll
                for (int k = 0; k < 4; ++k) {
#pragma unroll
                    for (int i = 0; i < 4; ++i) sum[i][j] = multiply_add(w[k].of[i], x.of[k], sum[i][j]);
                }
            }
        }
    }
    // Own tokens from `first` on to where they belong, times factor[i]; called by all threads.
    __device__ void store(const Ordinary& units, const Result4<T>& to, Head head, int first, int n_tokens, int width,
                          const T (&factor)[4]) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int token = first + units.row(i);
            T* row = to.data + head.batch * to.strides[0] + head.head * to.strides[1] + token * to.strides[2];
#pragma unroll
            for (int j = 0; j < n_channels; ++j) {
                const int channel = group + j * n_groups;
                T whole = sum[i][j];
                for (int step = n_groups; step < side; step *= 2) whole += __shfl_xor_sync(0xffffffffu, whole, step);
                if (split == 0 && token < n_tokens && channel < width) row[channel] = whole * factor[i];
            }
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
