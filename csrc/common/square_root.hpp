#pragma once
#include "common/level.hpp"

namespace synfer::SYNFER_LEVEL {

template <class T>
SYNFER_DEVICE T square_root(T x) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return __builtin_sqrtf(x);
    } else {
        return __builtin_sqrt(x);
    }
}

// The same to the bit for normal numbers that are neither tiny nor huge, which need no branch: on CUDA one would keep
// the arithmetic of several numbers from being interleaved.
template <class T>
SYNFER_DEVICE T square_root_in_range(T x) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == sizeof(float)) {
        float inverse;
        asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(x));
        const float root = x * inverse;
        return multiply_add(multiply_add(-root, root, x), 0.5f * inverse, root);
    }
#endif
    return square_root(x);
}

}  // namespace synfer::SYNFER_LEVEL
