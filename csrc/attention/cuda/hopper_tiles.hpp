#pragma once
#include "attention/cuda/hopper_loads.hpp"

// Products of floats by the matrix units of compute capability 9.0, which read shared memory themselves. Tokens are
// split into their high and low parts as they come: a thread begins to load some, tells the units to multiply others,
// and when they are done puts what it has loaded where they read. The compiler would rather split a number as soon as
// it could, in the midst of telling them, and wait there until it is loaded; so that what is added for rounding comes
// of the barrier behind the products, and no split can precede it.

namespace synfer::SYNFER_LEVEL {

struct HopperTiles : HopperLoads {
    // Waits for all threads. 0, which the compiler does not know.
    __device__ int barrier(bool never) const { return __syncthreads_or(never); }

    static __device__ Four<float> scaled(const Source&, const Four<float>& x, int) { return x; }
    static __device__ Four<float> scaled(const Queries& from, const Four<float>& x, int done) {
        const float factor = float_of(bits_of(from.factor) + static_cast<std::uint32_t>(done));
        return {x.of[0] * factor, x.of[1] * factor, x.of[2] * factor, x.of[3] * factor};
    }
    static __device__ void put(float* high, float* low, const Four<float>& x, int done) {
        Four<float> highs, lows;
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            const Halves parts = split(x.of[k], static_cast<std::uint32_t>(done));
            highs.of[k] = float_of(parts.high), lows.of[k] = float_of(parts.low);
        }
        *reinterpret_cast<Four<float>*>(high) = highs;
        *reinterpret_cast<Four<float>*>(low) = lows;
    }
    // done: what a barrier gave.
    template <int C, class From, class TokenOf>
    __device__ void end(const Dotted<C>& to, const From& from, TokenOf, const Lot<C>& lot, int done) const {
#pragma unroll
        for (int i = 0; i < C / 8; ++i) {
            const int index = static_cast<int>(threadIdx.x) + threads * i;
            const int at = (index / 8 % (C / 4) * 8 + index / (2 * C)) * piece_floats + index % 8 * 4;
            put(to.high + at, to.low + at, scaled(from, lot.x[i], done), done);
        }
    }
    template <int C, class TokenOf>
    __device__ void end(const Mixable<C>& to, const Source&, TokenOf, const Lot<C>& lot, int done) const {
#pragma unroll
        for (int i = 0; i < C / 8; ++i) {
            const int at = (static_cast<int>(threadIdx.x) + threads * i) * 4;
            put(to.high + at, to.low + at, lot.x[i], done);
        }
    }
    template <class Tile, class From, class TokenOf>
    __device__ void fetch(const Tile& tile, const From& from, TokenOf token_of) const {
        end(tile, from, token_of, begin(tile, from, token_of), 0);
    }
    template <int pending>
    __device__ void arrived() const {
        show_to_units();
    }
};

}  // namespace synfer::SYNFER_LEVEL
