#pragma once
#include "attention/cuda/layout.hpp"
#include "common/cuda/four.hpp"

// Products by ordinary multiply-adds: any scalar, for the matrix units of the devices that this is for take no double
// of ours. A block is 16 by 16 threads; thread (y, x) has the pairs of own tokens 4 y ... 4 y + 3 and others
// 4 x ... 4 x + 3. Tiles lie as (channel, token), so that threads read four tokens at once.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Ordinary {
    using Number = T;
    static constexpr int threads = 256, n_rows = 4, n_columns = 4, row_lanes = 16;
    // From channel to channel: with 4 beyond the tokens, threads of a warp that write 8 channels of 4 tokens meet 32
    // different banks, and those that read 8 channels at once do too.
    static constexpr int pitch = tile_tokens + 4, side = 16;

    struct Tile {
        T* at;
        int n_channels;
    };
    // Elements of shared memory of a tile, of which a mixture reads C channels, and of one of pairs.
    static constexpr int tile_size(int n_channels, int C) { return (C > n_channels ? C : n_channels) * pitch; }
    static constexpr int dotted_size(int n_channels, int) { return tile_size(n_channels, 0); }
    static constexpr int mixable_size(int n_channels, int C) { return tile_size(n_channels, C); }
    static constexpr int pairs_size = tile_tokens * tile_tokens;
    // Queries are multiplied by the factor of logits as they come.
    static constexpr bool scales_queries = false;
    // Of a kernel that a processor is to hold at once.
    static constexpr int blocks(Work, int) { return 1; }
    // Channels that there are kernels for; and whether a sum must know them beforehand (see map.hpp).
    static constexpr int most_channels = 32;
    static constexpr bool knows_channels = false;
    // Of a tile of keys for a sum: which are worked on, and which are fetched meanwhile (see map.hpp).
    template <bool Gradient>
    static constexpr int fetched_at_once = 1;

    int y, x;

    __device__ Ordinary() : y(static_cast<int>(threadIdx.x) / side), x(static_cast<int>(threadIdx.x) % side) {}
    __device__ int row(int i) const { return 4 * y + i; }
    __device__ int column(int j) const { return 4 * x + j; }
    __device__ bool leads_rows() const { return x == 0; }

    __device__ Tile tile(SharedMemory<T>& memory, int n_channels, int C) const {
        return {memory.take(tile_size(n_channels, C)), n_channels};
    }

    // For scalar products, and to be mixed.
    template <int>
    __device__ Tile dotted(SharedMemory<T>& memory, int n_channels) const {
        return tile(memory, n_channels, 0);
    }
    template <int C>
    __device__ Tile mixable(SharedMemory<T>& memory, int n_channels) const {
        return tile(memory, n_channels, C);
    }

    // Where the tokens of a head lie.
    struct Source {
        const Tensor4& x;
        std::int64_t first;  // element of the head's first
    };
    __device__ Source source(const Tensor4& x_, Head head, int) const {
        return {x_, head.batch * x_.strides[0] + head.head * x_.strides[1]};
    }
    // Place t of the tile is token token_of(t), 0 where that is negative or the tensor is one of zeros.
    template <class TokenOf>
    __device__ void fetch(const Tile& tile, const Source& from, TokenOf token_of) const {
        const int thread = static_cast<int>(threadIdx.x);
        for (int t = thread / 8; t < tile_tokens; t += threads / 8) {
            const std::int64_t token = token_of(t);
            const bool here = token >= 0 && from.x.data != nullptr;
            const std::int64_t at = from.first + token * from.x.strides[2];
            for (int c = thread % 8; c < tile.n_channels; c += 8)
                tile.at[c * pitch + t] = here ? read<T>(from.x, at + c * from.x.strides[3]) : T(0);
        }
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
    __device__ Source queries(const Tensor4& x, Head head, int width, T) const { return source(x, head, width); }
    // All but the last `pending` fetches of this thread have come.
    template <int pending>
    __device__ void arrived() const {}

    // z[i][j] = the scalar product of own token i with other token j: channels in turn, so that every kernel finds the
    // same bits.
    __device__ void dot(const Tile& own, const Tile& other, T (&z)[4][4]) const {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) z[i][j] = T(0);
        }
        const T *mine = own.at + 4 * y, *theirs = other.at + 4 * x;
#pragma unroll 4
        for (int c = 0; c < own.n_channels; ++c) {
            const auto a = *reinterpret_cast<const Four<T>*>(mine + c * pitch);
            const auto b = *reinterpret_cast<const Four<T>*>(theirs + c * pitch);
#pragma unroll
            for (int i = 0; i < 4; ++i) {
#pragma unroll
                for (int j = 0; j < 4; ++j) z[i][j] = multiply_add(a.of[i], b.of[j], z[i][j]);
            }
        }
    }

    // A tile of pairs, (other, own): fours of own tokens lie where no two threads that write or read together meet in
    // a bank.
    static __device__ Four<T>& pair_four(T* pairs, int other, int own_four) {
        return *reinterpret_cast<Four<T>*>(pairs + other * tile_tokens + 4 * (own_four ^ (other / 4 % side)));
    }
    __device__ void put_pairs(T* pairs, const T (&w)[4][4]) const {
#pragma unroll
        for (int j = 0; j < 4; ++j) pair_four(pairs, 4 * x + j, y) = {w[0][j], w[1][j], w[2][j], w[3][j]};
    }
    // Adds what a thread has to what it put there, and has nothing then.
    __device__ void put_by(T* pairs, T (&w)[4][4]) const {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            Four<T>& sums = pair_four(pairs, 4 * x + j, y);
#pragma unroll
            for (int i = 0; i < 4; ++i) sums.of[i] += w[i][j], w[i][j] = T(0);
        }
    }
    static __device__ T pair(T* pairs, int own, int other) { return pair_four(pairs, other, own / 4).of[own % 4]; }

    template <int C>
    struct Mixed;
};

}  // namespace synfer::SYNFER_LEVEL
