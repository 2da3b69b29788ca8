#pragma once
#include "attention/cuda/hopper_fragments.hpp"
#include "attention/cuda/warp_rows.hpp"

// How tiles lie for the matrix units of compute capability 9.0, and how their tokens are loaded: into registers first,
// for they are split before they are put there (hopper_tiles.hpp).

namespace synfer::SYNFER_LEVEL {

struct HopperLoads : WarpRows {
    // Tokens as factors of scalar products: pieces of 8 tokens by 4 channels.
    template <int C>
    struct Dotted {
        static constexpr int along = 8 * piece_floats;  // to the next 4 channels
        float *high, *low;
    };
    // Tokens that are mixed: pieces of 8 channels by 4 tokens. The even ones of eight come before the odd ones, as the
    // first factor holds them.
    template <int C>
    struct Mixable {
        static constexpr int along = C / 8 * piece_floats;  // to the next 4 tokens
        float *high, *low;
    };
    // What a thread has loaded.
    template <int C>
    struct Lot {
        Four<float> x[C / 8];
    };
    static constexpr int dotted_size(int, int C) { return 2 * tile_tokens * C; }
    static constexpr int mixable_size(int, int C) { return 2 * tile_tokens * C; }

    template <int C>
    __device__ Dotted<C> dotted(SharedMemory<float>& memory, int) const {
        float* const at = memory.take(2 * tile_tokens * C);
        return {at, at + tile_tokens * C};
    }
    template <int C>
    __device__ Mixable<C> mixable(SharedMemory<float>& memory, int) const {
        float* const at = memory.take(2 * tile_tokens * C);
        return {at, at + tile_tokens * C};
    }

    struct Source {
        const float* first;  // of the head; null for zeros
        std::int64_t token, channel;
        int width;
        bool in_fours;
    };
    struct Queries : Source {
        float factor;  // of each number
    };
    __device__ Source source(const Tensor4& x, Head head, int width) const {
        const std::int64_t odd =
            reinterpret_cast<std::int64_t>(x.data) | 4 * (x.strides[0] | x.strides[1] | x.strides[2] | width);
        const float* const first = static_cast<const float*>(x.data);
        return {first == nullptr ? first : first + head.batch * x.strides[0] + head.head * x.strides[1], x.strides[2],
                x.strides[3], width, x.strides[3] == 1 && odd % 16 == 0};
    }
    __device__ Queries queries(const Tensor4& x, Head head, int width, float factor) const {
        return {source(x, head, width), factor};
    }

    // Without a question where all is there and as wide as the tile.
    template <int C, class TokenOf>
    __device__ Lot<C> begin(const Dotted<C>&, const Source& from, TokenOf token_of) const {
        Lot<C> lot;
        const int thread = static_cast<int>(threadIdx.x);
        if (from.width == C && from.in_fours && token_of.whole() && from.first != nullptr) {
#pragma unroll
            for (int i = 0; i < C / 8; ++i) {
                const int index = thread + threads * i;
                const float* const at = from.first + token_of.taken(index / (2 * C) * 8 + index % 8) * from.token;
                lot.x[i] = *reinterpret_cast<const Four<float>*>(at + index / 8 % (C / 4) * 4);
            }
            return lot;
        }
#pragma unroll 1
        for (int i = 0; i < C / 8; ++i) {
            const int index = thread + threads * i, channel = index / 8 % (C / 4) * 4;
            const int token = token_of(index / (2 * C) * 8 + index % 8);
            const float* const at = from.first + token * from.token;
            Four<float> x;
            for (int c = 0; c < 4; ++c) {
                const bool here = token >= 0 && from.first != nullptr && channel + c < from.width;
                x.of[c] = here ? at[(channel + c) * from.channel] : 0.0f;
            }
#pragma unroll
            for (int n = 0; n < C / 8; ++n) lot.x[n] = n == i ? x : lot.x[n];  // registers have no index
        }
        return lot;
    }
    template <int C, class TokenOf>
    __device__ Lot<C> begin(const Mixable<C>&, const Source& from, TokenOf token_of) const {
        Lot<C> lot;
        const int thread = static_cast<int>(threadIdx.x), channel = thread % C;
        const float* const at = from.first + channel * from.channel;
        if (from.width == C && token_of.whole() && from.first != nullptr) {
#pragma unroll
            for (int i = 0; i < C / 8; ++i) {
                const int four = (thread + threads * i) / C;
                const float* next = at + token_of.taken(four / 2 * 8 + four % 2) * from.token;
#pragma unroll
                for (int k = 0; k < 4; ++k, next += 2 * from.token) lot.x[i].of[k] = *next;
            }
            return lot;
        }
#pragma unroll 1
        for (int i = 0; i < C / 8; ++i) {
            const int four = (thread + threads * i) / C;
            Four<float> x;
            for (int k = 0; k < 4; ++k) {
                const int token = token_of(four / 2 * 8 + 2 * k + four % 2);
                const bool here = token >= 0 && channel < from.width && from.first != nullptr;
                x.of[k] = here ? at[token * from.token] : 0.0f;
            }
#pragma unroll
            for (int n = 0; n < C / 8; ++n) lot.x[n] = n == i ? x : lot.x[n];
        }
        return lot;
    }
};

}  // namespace synfer::SYNFER_LEVEL
