#pragma once
#include "attention/cuda/hopper_tiles.hpp"

// Products of floats by the matrix units of compute capability 9.0.

namespace synfer::SYNFER_LEVEL {

struct Hopper : HopperTiles {
    static constexpr int pairs_size = 0;
    // Queries are multiplied by the factor of logits as they come.
    static constexpr bool scales_queries = true;
    // Of a kernel that a processor is to hold at once.
    static constexpr int blocks(Work, int C) { return C > 32 ? 2 : C > 16 ? 3 : 4; }
    // Channels that there are kernels for; and whether a sum must know them beforehand (see map.hpp).
    static constexpr int most_channels = 64;
    static constexpr bool knows_channels = true;
    template <bool Gradient>
    static constexpr int fetched_at_once = 1;

    template <int C>
    __device__ void dot(const Dotted<C>& own, const Dotted<C>& other, float (&z)[2][16]) const {
        float sum[32];
        constexpr int along = Dotted<C>::along;
        begin_products();
        // Small terms first, so that little is cut off.
#pragma unroll
        for (int k = 0; k < C / 8; ++k) {
            const int at = 2 * k * along;
            multiply_shared<64>(sum, own.low + at, other.high + at, along, along, k > 0);
            multiply_shared<64>(sum, own.high + at, other.low + at, along, along, true);
        }
#pragma unroll
        for (int k = 0; k < C / 8; ++k)
            multiply_shared<64>(sum, own.high + 2 * k * along, other.high + 2 * k * along, along, along, true);
        end_products(sum);
#pragma unroll
        for (int i = 0; i < 32; ++i) z[i / 2 % 2][i / 4 * 2 + i % 2] = sum[i];
    }

    template <int C>
    struct Mixed;
};

// As in tensor_cores.hpp.
template <int C>
struct Hopper::Mixed : MixedRows<C> {
    using MixedRows<C>::sum;

    __device__ explicit Mixed(const Hopper& units) : MixedRows<C>(units) {}
    __device__ void add(const Hopper&, const float (&weights)[2][16], const Mixable<C>& tokens, float*) {
        std::uint32_t a_high[8][4], a_low[8][4];
#pragma unroll
        for (int k = 0; k < 8; ++k) {
#pragma unroll
            for (int c = 0; c < 4; ++c) {
                const Halves parts = split(weights[c % 2][2 * k + c / 2]);
                a_high[k][c] = parts.high, a_low[k][c] = parts.low;
            }
        }
        float mixed[C / 2];
        constexpr int along = Mixable<C>::along;
        begin_products();
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            multiply_held<C>(mixed, a_low[k], tokens.high + 2 * k * along, along, k > 0);
            multiply_held<C>(mixed, a_high[k], tokens.low + 2 * k * along, along, true);
        }
#pragma unroll
        for (int k = 0; k < 8; ++k) multiply_held<C>(mixed, a_high[k], tokens.high + 2 * k * along, along, true);
        end_products(mixed);
#pragma unroll
        for (int i = 0; i < C / 2; ++i) sum[i / 4][i % 4] += mixed[i];
    }
};

}  // namespace synfer::SYNFER_LEVEL
