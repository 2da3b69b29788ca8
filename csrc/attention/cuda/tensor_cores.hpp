#pragma once
#include "attention/cuda/tensor_tiles.hpp"

// Products of floats by the matrix units of any device that has them.

namespace synfer::SYNFER_LEVEL {

template <bool narrow>
struct TensorCores : TensorTiles<narrow> {
    using Tile = typename TensorTiles<narrow>::Tile;
    using WarpRows::g, WarpRows::t, WarpRows::warp;
    static constexpr int pairs_size = 0;
    // Queries are multiplied by the factor of logits as they come.
    static constexpr bool scales_queries = false;
    // Of a kernel that a processor is to hold at once.
    static constexpr int blocks(Work work, int C) {
        if (work == Work::add) return 3;
        if (C > 32) return C > 64 ? 2 : work == Work::attend ? 3 : 2;
        return work == Work::differentiate ? 3 : 4;
    }
    // Channels that there are kernels for; and whether a sum must know them beforehand (see map.hpp).
    static constexpr int most_channels = 128;
    static constexpr bool knows_channels = false;
    // Of a tile of keys for a sum: which are worked on, and which are fetched meanwhile (see map.hpp).
    template <bool Gradient>
    static constexpr int fetched_at_once = Gradient ? 1 : 2;

    // high + low += a b, the small terms apart.
    static __device__ void multiply(const std::uint32_t (&a_high)[4], const std::uint32_t (&a_low)[4], float b0,
                                    float b1, float (&high)[4], float (&low)[4]) {
        if constexpr (narrow) {
            multiply_fragments(high, a_high, {bits_of(b0), bits_of(b1)});
        } else {
            const Halves first = split(b0), second = split(b1);
            const std::uint32_t b_high[2] = {first.high, second.high}, b_low[2] = {first.low, second.low};
            multiply_fragments(low, a_low, b_high);
            multiply_fragments(low, a_high, b_low);
            multiply_fragments(high, a_high, b_high);
        }
    }

    // z[i][j] = the scalar product of own token i with other token j.
    __device__ void dot(const Tile& own, const Tile& other, float (&z)[2][16]) const {
        const int pitch = own.pitch, other_pitch = other.pitch;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float high[4][4] = {}, low[4][4] = {};
            const float* a_at = own.at + (16 * warp + g) * pitch + t;
            const float* b_at = other.at + (32 * half + g) * other_pitch + t;
#pragma unroll 2
            for (int k = 0; k < own.steps; ++k, a_at += 8, b_at += 8) {
                const float a[4] = {a_at[0], a_at[8 * pitch], a_at[4], a_at[8 * pitch + 4]};
                std::uint32_t a_high[4], a_low[4];
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const Halves parts = split(a[i]);
                    a_high[i] = parts.high, a_low[i] = parts.low;
                }
#pragma unroll
                for (int n = 0; n < 4; ++n)
                    multiply(a_high, a_low, b_at[n * 8 * other_pitch], b_at[n * 8 * other_pitch + 4], high[n], low[n]);
            }
#pragma unroll
            for (int n = 0; n < 4; ++n) {
#pragma unroll
                for (int c = 0; c < 4; ++c) z[c / 2][8 * half + 2 * n + c % 2] = high[n][c] + low[n][c];
            }
        }
    }

    template <int C>
    struct Mixed;
};

template <bool narrow>
template <int C>
struct TensorCores<narrow>::Mixed : MixedRows<C> {
    static constexpr int n_tiles = C / 8, together = n_tiles < 4 ? n_tiles : 4;  // of eight channels
    using MixedRows<C>::sum;

    __device__ explicit Mixed(const TensorCores& units) : MixedRows<C>(units) {}
    __device__ void add(const TensorCores& units, const float (&weights)[2][16], const Tile& tokens, float*) {
        const float* at = tokens.at + 2 * units.t * tokens.pitch + units.g;
#pragma unroll
        for (int first = 0; first < n_tiles; first += together) {
            float high[together][4] = {}, low[together][4] = {};
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                std::uint32_t a_high[4], a_low[4];
#pragma unroll
                for (int c = 0; c < 4; ++c) {
                    const float weight = weights[c % 2][2 * k + c / 2];
                    if constexpr (narrow) {
                        a_high[c] = rounded(weight);
                    } else {
                        const Halves parts = split(weight);
                        a_high[c] = parts.high, a_low[c] = parts.low;
                    }
                }
#pragma unroll
                for (int n = 0; n < together; ++n) {
                    const float* b = at + 8 * k * tokens.pitch + 8 * (first + n);
                    multiply(a_high, a_low, b[0], b[tokens.pitch], high[n], low[n]);
                }
            }
#pragma unroll
            for (int n = 0; n < together; ++n) {
#pragma unroll
                for (int c = 0; c < 4; ++c) sum[first + n][c] += high[n][c] + low[n][c];
            }
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
