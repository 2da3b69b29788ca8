#pragma once
#include "attention/attention.hpp"
#include "common/level.hpp"

// What every kernel is told, and how it reads the tensors. The kernels are written once for three kinds of arithmetic:
// ordinary.hpp (multiply-adds, any scalar), tensor_cores.hpp (matrix units, float) and hopper.hpp (those of compute
// capability 9.0, float, forward). A kind says how many threads a block has, which pairs of a tile of 64 own tokens by
// 64 others are a thread's, and how tiles lie in shared memory.

namespace synfer::SYNFER_LEVEL {

constexpr int tile_tokens = 64;

// n / divisor for n below 2^31, without the division: the multiplier is 2^(31 + shift) / divisor, rounded up, with the
// least shift for which 2^shift is no less than the divisor (Granlund and Montgomery 1994).
struct Divisor {
    std::uint32_t multiplier;
    int shift;

    __device__ int divide(int n) const {
        return static_cast<int>((static_cast<std::uint64_t>(static_cast<std::uint32_t>(n)) * multiplier) >>
                                (31 + shift));
    }
};

// What a kernel is told.
template <class T>
struct Pass {
    Attention<T> a;
    // A logit is product * factor + bias, and a weight 2^(per_unit (logit - largest)). The factor holds log2 e where
    // there is no bias, so that per_unit is 1; where there is, it must not: bias and product are added before they lose
    // digits.
    T factor, per_unit;
    bool in_twos;  // per_unit is 1
    // (b, h, row): the largest logit; 1 / the sum of 2^(per_unit (logit - that)), 0 where there is none; sum_s A dA.
    // The first two are the log-sum-exp in two parts, for their sum would lose digits of large logits.
    T *top, *inverse, *mean;
    int row_tiles, key_tiles;
    Divisor bias_lags, map_lags;
};

// Kinds of kernels, of which a processor is to hold several blocks at once: registers are shared out by that.
enum class Work { attend, state, differentiate, add };

struct Head {
    std::int64_t batch, head;

    template <class T>
    __device__ const T* of(const T* data, const std::int64_t* strides) const {
        return data + batch * strides[0] + head * strides[1];
    }
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

// Which of the tokens [first, first + 64) is place t of a tile, negative for none; and whether there are all of them,
// so that each may be taken unasked.
struct Consecutive {
    int first, n_tokens;

    __device__ int operator()(int t) const { return first + t < n_tokens ? first + t : -1; }
    __device__ bool whole() const { return first + tile_tokens <= n_tokens; }
    __device__ int taken(int t) const { return first + t; }
};

// Shared memory, handed out front to back.
template <class T>
struct SharedMemory {
    T* next;

    __device__ SharedMemory() {
        extern __shared__ uint4 shared_memory[];
        next = reinterpret_cast<T*>(shared_memory);
    }
    __device__ T* take(int n) {
        T* taken = next;
        next += n;
        return taken;
    }
};

}  // namespace synfer::SYNFER_LEVEL
