#pragma once

// Code that is compiled once per instruction level lives in namespace synfer::SYNFER_LEVEL, which the build sets to
// baseline, avx2 or avx512. It must not use the STL or any other inline function shared with the rest of the program:
// the linker keeps one copy of such a function, and might keep the AVX-512 one for the baseline path.
#ifndef SYNFER_LEVEL
#error "this header is only for sources compiled once per instruction level (see CMakeLists.txt)"
#endif

#if defined(__CUDACC__)
#define SYNFER_DEVICE __host__ __device__ inline
#else
#define SYNFER_DEVICE inline __attribute__((always_inline))
#endif
// For lambdas: as part of a kernel's innermost loops they must be inlined.
#define SYNFER_INLINE __attribute__((always_inline))

namespace synfer::SYNFER_LEVEL {

// a * b + c, fused where the level has the instruction. (Without it a correctly rounded fma is a slow library call.)
template <class T>
SYNFER_DEVICE T multiply_add(T a, T b, T c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDACC__)
    if constexpr (sizeof(T) == sizeof(float)) {
        return __builtin_fmaf(a, b, c);
    } else {
        return __builtin_fma(a, b, c);
    }
#else
    return a * b + c;
#endif
}

}  // namespace synfer::SYNFER_LEVEL
