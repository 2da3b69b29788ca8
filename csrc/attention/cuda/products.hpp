#pragma once
#include "attention/cuda/layout.hpp"

// The two kinds of product that attention is made of, with sums in registers.

namespace synfer::SYNFER_LEVEL {

// Thread (y, x) of the block: its own tokens are 4 y ... 4 y + 3, its others 4 x ... 4 x + 3.
struct Corner {
    int y, x;
    __device__ Corner()
        : y(static_cast<int>(threadIdx.x) / block_side), x(static_cast<int>(threadIdx.x) % block_side) {}
};

// z[i][j] = the scalar product of own token i with other token j: channels in turn, so that every kernel finds the
// same bits.
template <class T>
__device__ inline void dot(const T* own, const T* other, int n_channels, Corner corner, T (&z)[4][4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) z[i][j] = T(0);
    }
    const T *mine = own + 4 * corner.y, *theirs = other + 4 * corner.x;
#pragma unroll 4
    for (int c = 0; c < n_channels; ++c) {
        const auto a = *reinterpret_cast<const Four<T>*>(mine + c * pitch);
        const auto b = *reinterpret_cast<const Four<T>*>(theirs + c * pitch);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) z[i][j] = multiply_add(a.x[i], b.x[j], z[i][j]);
        }
    }
}

// A tile of pairs, (other, own): fours of own tokens lie where no two threads that write or read together meet in a
// bank.
template <class T>
__device__ inline Four<T>& pair_four(T* pairs, int other, int own_four) {
    return *reinterpret_cast<Four<T>*>(pairs + other * tile_tokens + 4 * (own_four ^ (other / 4 % block_side)));
}
template <class T>
__device__ inline void put_pairs(T* pairs, Corner corner, const T (&w)[4][4]) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        pair_four(pairs, 4 * corner.x + j, corner.y) = {w[0][j], w[1][j], w[2][j], w[3][j]};
    }
}

// Sum over all lanes of a half warp that differ in the bits from `step` up: the threads of one y.
template <class T>
__device__ inline T sum_over(T value, int step) {
    for (; step < block_side; step *= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}
template <class T>
__device__ inline T largest_over(T value) {
    for (int step = 1; step < block_side; step *= 2) {
        const T other = __shfl_xor_sync(0xffffffffu, value, step);
        value = other > value ? other : value;
    }
    return value;
}

// Sums (own token, channel) over other tokens of pairs[other, own] tokens[channel, other]: thread (y, x) has four own
// tokens and the channels group + j n_groups. Where there are fewer groups than threads in a row, those of one group
// take the other tokens in turn, and add up at the end.
template <class T, int C>
struct Mixed {
    static constexpr int n_groups = C / 4 < block_side ? C / 4 : block_side;
    static constexpr int n_splits = block_side / n_groups;
    static constexpr int n_channels = C / n_groups;  // of a thread
    static_assert(n_groups * n_splits == block_side && n_groups * n_channels == C);
    T sum[4][n_channels];
    Corner corner;
    int group, split;

    __device__ Mixed() : group(corner.x % n_groups), split(corner.x / n_groups) {
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
    __device__ void add(T* pairs, const T* tokens) {
#pragma unroll 1
        for (int t = split; t < tile_tokens / 4; t += n_splits) {
            Four<T> w[4];
#pragma unroll
            for (int k = 0; k < 4; ++k) w[k] = pair_four(pairs, 4 * t + k, corner.y);
#pragma unroll
            for (int j = 0; j < n_channels; ++j) {
                const auto x = *reinterpret_cast<const Four<T>*>(tokens + (group + j * n_groups) * pitch + 4 * t);
#pragma unroll
                for (int k = 0; k < 4; ++k) {
#pragma unroll
                    for (int i = 0; i < 4; ++i) sum[i][j] = multiply_add(w[k].x[i], x.x[k], sum[i][j]);
                }
            }
        }
    }
    // Own tokens from `first` on to where they belong, times factor[i]; called by all threads.
    __device__ void store(const Result4<T>& to, Head head, std::int64_t first, std::int64_t n_tokens, int width,
                          const T (&factor)[4]) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const std::int64_t token = first + 4 * corner.y + i;
            T* row = to.data + head.batch * to.strides[0] + head.head * to.strides[1] + token * to.strides[2];
#pragma unroll
            for (int j = 0; j < n_channels; ++j) {
                const int channel = group + j * n_groups;
                const T whole = sum_over(sum[i][j], n_groups) * factor[i];
                if (split == 0 && token < n_tokens && channel < width) row[channel] = whole;
            }
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
