#pragma once
#include "attention/attention.hpp"
#include "common/level.hpp"

// Tiles of tokens in shared memory, as (channel, token): threads then read four tokens at once, own ones along one axis
// of the block and others along the other. A block is 16 by 16 threads; each has four tokens of either tile.

namespace synfer::SYNFER_LEVEL {

constexpr int tile_tokens = 64;
constexpr int block_side = 16;
constexpr int block_threads = block_side * block_side;
// From channel to channel: with 4 beyond the tokens, threads of a warp that write 8 channels of 4 tokens meet 32
// different banks, and those that read 8 channels at once do too.
constexpr int pitch = tile_tokens + 4;

template <class T>
struct alignas(16) Four {
    T x[4];
};

// What a kernel is told.
template <class T>
struct Pass {
    Attention<T> a;
    // (b, h, row): the largest logit; 1 / the sum of exp(logit - that), 0 where there is none; sum_s A dA. The first
    // two are the log-sum-exp in two parts, for their sum would lose digits of large logits.
    T *top, *inverse, *mean;
    int row_tiles, key_tiles;
};

struct Head {
    std::int64_t batch, head;
};

// Bits of the tensor's scalar to T; bfloat16 is the upper half of a float.
template <class T>
__device__ inline T read(const Tensor4& x, std::int64_t at) {
    if (x.scalar != Scalar::bfloat16) return static_cast<const T*>(x.data)[at];
    const std::uint32_t bits = static_cast<std::uint32_t>(static_cast<const std::uint16_t*>(x.data)[at]) << 16;
    float wide;
    __builtin_memcpy(&wide, &bits, sizeof wide);
    return static_cast<T>(wide);
}

// tile[c, t] = the tensor's channel c of token token_of(t), 0 where that is negative or the tensor is one of zeros.
template <class T, class TokenOf>
__device__ inline void load_tokens(T* tile, const Tensor4& x, Head head, int n_channels, TokenOf token_of) {
    const int thread = static_cast<int>(threadIdx.x);
    const std::int64_t first = head.batch * x.strides[0] + head.head * x.strides[1];
    for (int t = thread / 8; t < tile_tokens; t += block_threads / 8) {
        const std::int64_t token = token_of(t);
        const bool here = token >= 0 && x.data != nullptr;
        const std::int64_t at = first + token * x.strides[2];
        for (int c = thread % 8; c < n_channels; c += 8) {
            tile[c * pitch + t] = here ? read<T>(x, at + c * x.strides[3]) : T(0);
        }
    }
}

// Tokens [first, first + 64) as far as there are so many.
template <class T>
__device__ inline void load_tile(T* tile, const Tensor4& x, Head head, int n_channels, std::int64_t first,
                                 std::int64_t n_tokens) {
    load_tokens(tile, x, head, n_channels, [=](int t) { return first + t < n_tokens ? first + t : -1; });
}

// Shared memory, handed out front to back.
template <class T>
struct SharedMemory {
    T* next;

    __device__ SharedMemory() {
        extern __shared__ uint4 shared_memory[];
        next = reinterpret_cast<T*>(shared_memory);
    }
    __device__ T* tokens(int n_channels) {
        T* tile = next;
        next += n_channels * pitch;
        return tile;
    }
};
// And how much a kernel needs: tiles of so many channels together, and a tile of pairs.
template <class T>
constexpr std::size_t shared_bytes(std::int64_t channels) {
    return static_cast<std::size_t>(channels * pitch + tile_tokens * tile_tokens) * sizeof(T);
}

}  // namespace synfer::SYNFER_LEVEL
