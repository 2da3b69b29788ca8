#pragma once
#include "attention/cuda/fragments.hpp"
#include "attention/cuda/layout.hpp"
#include "common/cuda/four.hpp"

// Who has which pairs where matrix units multiply: a block has four warps of 16 own tokens each; lane 4 g + t of a warp
// has own tokens g and g + 8 of its 16, and others 8 n + 2 t and 8 n + 2 t + 1 for n < 8. So the units leave a product,
// and so they take a factor of the next, so that pairs never leave their registers. (Which channel or token of eight
// counts as which of a sum does not matter, as long as both factors agree.)

namespace synfer::SYNFER_LEVEL {

struct WarpRows {
    using Number = float;
    static constexpr int threads = 128, n_rows = 2, n_columns = 16, row_lanes = 4;

    int warp, g, t;

    __device__ WarpRows()
        : warp(static_cast<int>(threadIdx.x) / 32),
          g(static_cast<int>(threadIdx.x) % 32 / 4),
          t(static_cast<int>(threadIdx.x) % 4) {}
    __device__ int row(int i) const { return 16 * warp + g + 8 * i; }
    __device__ int column(int j) const { return 8 * (j / 2) + 2 * t + j % 2; }
    __device__ bool leads_rows() const { return t == 0; }

    // A tile of pairs in shared memory, (own, other).
    static constexpr int pairs_pitch = tile_tokens + 1;
    __device__ void put_pairs(float* pairs, const float (&w)[2][16]) const {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
#pragma unroll
            for (int j = 0; j < 16; ++j) pairs[row(i) * pairs_pitch + column(j)] = w[i][j];
        }
    }
    // Adds what a thread has to what it put there, and has nothing then.
    __device__ void put_by(float* pairs, float (&w)[2][16]) const {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
#pragma unroll
            for (int j = 0; j < 16; ++j) pairs[row(i) * pairs_pitch + column(j)] += w[i][j], w[i][j] = 0.0f;
        }
    }
    static __device__ float pair(const float* pairs, int own, int other) { return pairs[own * pairs_pitch + other]; }
};

// Sums (own token, channel) over other tokens of pairs[own, other] tokens[other, channel]: the lane has own tokens g
// and g + 8, and channels 8 n + 2 t and 8 n + 2 t + 1.
template <int C>
struct MixedRows {
    float sum[C / 8][4];

    __device__ explicit MixedRows(const WarpRows&) {
#pragma unroll
        for (int n = 0; n < C / 8; ++n) {
#pragma unroll
            for (int c = 0; c < 4; ++c) sum[n][c] = 0.0f;
        }
    }
    __device__ void scale(int i, float factor) {
#pragma unroll
        for (int n = 0; n < C / 8; ++n) sum[n][2 * i] *= factor, sum[n][2 * i + 1] *= factor;
    }
    // Own tokens from `first` on to where they belong, times factor[i].
    __device__ void store(const WarpRows& units, const Result4<float>& to, Head head, int first, int n_tokens,
                          int width, const float (&factor)[2]) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const int token = first + units.row(i);
            if (token >= n_tokens) continue;
            float* const row = to.data + head.batch * to.strides[0] + head.head * to.strides[1] + token * to.strides[2];
#pragma unroll
            for (int n = 0; n < C / 8; ++n) {
#pragma unroll
                for (int c = 0; c < 2; ++c) {
                    const int channel = 8 * n + 2 * units.t + c;
                    if (channel < width) row[channel] = sum[n][2 * i + c] * factor[i];
                }
            }
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
