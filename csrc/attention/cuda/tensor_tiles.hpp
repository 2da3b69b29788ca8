#pragma once
#include "attention/cuda/warp_rows.hpp"

// Tiles for the matrix units of any device that has them. They lie as (token, channel). From token to token there are 4
// more than a multiple of 8, so that the lanes of a warp meet 32 different banks, along tokens and along channels.

namespace synfer::SYNFER_LEVEL {

// `narrow`: all tensors are of bfloat16, which the units take as they are; weights are rounded to 11 significant bits.
template <bool narrow>
struct TensorTiles : WarpRows {
    struct Tile {
        float* at;
        int width, pitch, steps;  // channels, floats from token to token, eights of channels
    };
    static constexpr int eights(int n_channels) { return (n_channels + 7) / 8; }
    static constexpr int room(int n_channels, int C) { return 8 * eights(C > n_channels ? C : n_channels); }
    static constexpr int tile_size(int n_channels, int C) { return tile_tokens * (room(n_channels, C) + 4); }
    static constexpr int dotted_size(int n_channels, int C) { return tile_size(n_channels, C); }
    static constexpr int mixable_size(int n_channels, int C) { return tile_size(n_channels, C); }
    // With zeros from the last channel to where products and mixtures read.
    __device__ Tile tile(SharedMemory<float>& memory, int n_channels, int C) const {
        const Tile made{memory.take(tile_size(n_channels, C)), n_channels, room(n_channels, C) + 4, eights(n_channels)};
        for (int token = static_cast<int>(threadIdx.x); token < tile_tokens; token += threads) {
            for (int c = n_channels; c < made.pitch - 4; ++c) made.at[token * made.pitch + c] = 0.0f;
        }
        return made;
    }

    // For scalar products, and to be mixed: the same here.
    template <int C>
    __device__ Tile dotted(SharedMemory<float>& memory, int n_channels) const {
        return tile(memory, n_channels, C);
    }
    template <int C>
    __device__ Tile mixable(SharedMemory<float>& memory, int n_channels) const {
        return tile(memory, n_channels, C);
    }

    // Where the tokens of a head lie, and how this thread reads them: in fours of channels where these lie side by
    // side.
    struct Source {
        const Tensor4& x;
        std::int64_t first;     // element of the head's first
        int pieces, lane_bits;  // fours or channels of a token; the lanes that share them are 2^lane_bits
        bool in_fours;
    };
    __device__ Source source(const Tensor4& x, Head head, int width) const {
        const std::int64_t size = narrow ? 2 : 4;
        const std::int64_t odd =
            reinterpret_cast<std::int64_t>(x.data) | size * (x.strides[0] | x.strides[1] | x.strides[2] | width);
        const bool in_fours = x.data != nullptr && x.strides[3] == 1 && odd % (4 * size) == 0;
        const int pieces = in_fours ? width / 4 : width;
        int lane_bits = 0;
        while (1 << lane_bits < pieces && lane_bits < 5) ++lane_bits;
        return {x, head.batch * x.strides[0] + head.head * x.strides[1], pieces, lane_bits, in_fours};
    }

    // As in ordinary.hpp, but that float32 is copied while the threads go on, if in fours.
    template <class TokenOf>
    __device__ void fetch(const Tile& tile, const Source& from, TokenOf token_of) const {
        const int thread = static_cast<int>(threadIdx.x), step = threads >> from.lane_bits;
        const int piece = thread & ((1 << from.lane_bits) - 1);
        int place = thread >> from.lane_bits;
        if (!from.in_fours) {
            for (; place < tile_tokens; place += step) {
                const std::int64_t token = token_of(place);
                const bool here = token >= 0 && from.x.data != nullptr;
                const std::int64_t at = from.first + token * from.x.strides[2];
                for (int c = piece; c < from.pieces; c += 1 << from.lane_bits)
                    tile.at[place * tile.pitch + c] = here ? read<float>(from.x, at + c * from.x.strides[3]) : 0.0f;
            }
        } else if (piece < from.pieces) {  // most_channels are 32 fours
            float* to = tile.at + place * tile.pitch + 4 * piece;
            if constexpr (narrow) {
                const auto* at = static_cast<const std::uint16_t*>(from.x.data) + from.first + 4 * piece;
                constexpr int together = 4;
                while (place < tile_tokens) {
                    std::uint64_t all[together] = {};
#pragma unroll
                    for (int i = 0; i < together; ++i) {
                        const int token = place + i * step < tile_tokens ? token_of(place + i * step) : -1;
                        if (token >= 0)
                            all[i] = *reinterpret_cast<const std::uint64_t*>(at + token * from.x.strides[2]);
                    }
#pragma unroll
                    for (int i = 0; i < together && place < tile_tokens; ++i, place += step, to += step * tile.pitch) {
                        const std::uint32_t low = static_cast<std::uint32_t>(all[i]);
                        const std::uint32_t high = static_cast<std::uint32_t>(all[i] >> 32);
                        *reinterpret_cast<Four<float>*>(to) = {float_of(low << 16), float_of(low & 0xffff0000u),
                                                               float_of(high << 16), float_of(high & 0xffff0000u)};
                    }
                }
            } else {
                const float* at = static_cast<const float*>(from.x.data) + from.first + 4 * piece;
#pragma unroll 4
                for (; place < tile_tokens; place += step, to += step * tile.pitch) {
                    const int token = token_of(place);
                    copy_16_bytes(to, at + (token < 0 ? 0 : token) * from.x.strides[2], token >= 0);
                }
            }
        }
        end_of_copies();
    }
    // In two steps: see hopper_loads.hpp. Here all is done in the second.
    struct Lot {};
    template <class TokenOf>
    __device__ Lot begin(const Tile&, const Source&, TokenOf) const {
        return {};
    }
    template <class TokenOf>
    __device__ void end(const Tile& tile, const Source& from, TokenOf token_of, Lot, int) const {
        fetch(tile, from, token_of);
    }
    __device__ int barrier(bool) const {
        __syncthreads();
        return 0;
    }
    __device__ Source queries(const Tensor4& x, Head head, int width, float) const { return source(x, head, width); }
    template <int pending>
    __device__ void arrived() const {
        await_copies<pending>();
    }
};

}  // namespace synfer::SYNFER_LEVEL
