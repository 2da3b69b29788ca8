#pragma once
#include <cstdint>

#include "common/level.hpp"

// Philox4x32-10: a counter-based random number generator, a keyed bijection of 128-bit counters.
// J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Whoever knows the counter knows the draw: results cannot depend on threads, on order or on how a batch is cut.

namespace synfer::SYNFER_LEVEL {

struct Words {
    std::uint32_t w0, w1, w2, w3;
};

// a b in 64 bits. (nvcc adds zeros to the upper half of what it takes for a product of 64-bit numbers.)
SYNFER_DEVICE std::uint64_t wide_product(std::uint32_t a, std::uint32_t b) {
#if defined(__CUDA_ARCH__)
    std::uint64_t product;
    asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(a), "r"(b));
    return product;
#else
    return std::uint64_t{a} * b;
#endif
}

SYNFER_DEVICE Words philox4x32(Words counter, std::uint32_t key0, std::uint32_t key1) {
    // Written as a rolled recurrence and unrolled by the compiler, so that a loop over counters vectorises.
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t even = wide_product(0xD2511F53u, counter.w0);
        const std::uint64_t odd = wide_product(0xCD9E8D57u, counter.w2);
        counter = {static_cast<std::uint32_t>(odd >> 32) ^ counter.w1 ^ key0, static_cast<std::uint32_t>(odd),
                   static_cast<std::uint32_t>(even >> 32) ^ counter.w3 ^ key1, static_cast<std::uint32_t>(even)};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}

// (floor(w / 2) + 1/2) / 2^31, uniform between 0 and 1.
template <class T>
SYNFER_DEVICE T uniform(std::uint32_t w) {
    return (static_cast<T>(static_cast<std::int32_t>(w >> 1)) + T(0.5)) * (T(1) / T(2147483648.0));
}

}  // namespace synfer::SYNFER_LEVEL
