#pragma once
#include <cstdint>

#include "common/level.hpp"

// What the matrix units take: numbers of 11 significant bits (TF32), and products that are summed in float. A float is
// the sum of two such numbers but for its last bits, so that three products of parts make one of floats: the fourth,
// of both low parts, is beyond what a float holds (Markidis et al. 2018; Ootomo and Yokota 2022). Sums are cut off
// rather than rounded there, so that small terms are summed apart from large ones, and long sums not there at all.

namespace synfer::SYNFER_LEVEL {

struct Halves {
    std::uint32_t high, low;  // bits of floats, of which the units read the upper 19
};

__device__ inline std::uint32_t bits_of(float x) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}
__device__ inline float float_of(std::uint32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

// high: rounded to the nearest of 11 significant bits. Where x is infinite or not a number, so is a part. `zero` is
// one.
__device__ inline Halves split(float x, std::uint32_t zero = 0) {
    const std::uint32_t high = (bits_of(x) + (0x1000u + zero)) & 0xffffe000u;
    return {high, bits_of(x - float_of(high))};
}
// The high part of a number that goes without its low one. What is added for rounding makes a zero of some that are not
// numbers, those of CUDA's own arithmetic among them.
__device__ inline std::uint32_t rounded(float x) { return x == x ? split(x).high : bits_of(x); }

// c += a b, of 16 x 8 by 8 x 8. Lane 4 g + t of the warp holds a[g, t], a[g + 8, t], a[g, t + 4], a[g + 8, t + 4];
// b[t, g], b[t + 4, g]; c[g, 2 t], c[g, 2 t + 1], c[g + 8, 2 t], c[g + 8, 2 t + 1].
__device__ inline void multiply_fragments(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if defined(__CUDACC__)
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    emulated::multiply_fragments(c, a, b);
#endif
}

// 16 bytes from the device's memory to shared memory, zeros where there is nothing, while the thread goes on.
__device__ inline void copy_16_bytes(void* to, const void* from, bool here) {
#if defined(__CUDACC__)
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(to))),
        "l"(from), "r"(here ? 16 : 0)
        : "memory");
#else
    emulated::copy_16_bytes(to, from, here);
#endif
}
// What this thread copies from here on counts as another lot.
__device__ inline void end_of_copies() {
#if defined(__CUDACC__)
    asm volatile("cp.async.commit_group;" ::: "memory");
#else
    emulated::end_of_copies();
#endif
}
// All but the last `pending` lots of this thread have come.
template <int pending>
__device__ inline void await_copies() {
#if defined(__CUDACC__)
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#else
    emulated::await_copies(pending);
#endif
}

// 2^x, to two units in the last place; 0 below the least normal number.
__device__ inline float power_of_two(float x) {
#if defined(__CUDACC__)
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#else
    return exp2f(x);
#endif
}

}  // namespace synfer::SYNFER_LEVEL
