#pragma once
#include "attention/cuda/launch.hpp"
#include "common/cuda/launches.hpp"

// What both passes launch with: the arithmetic for the tensors at hand.

namespace synfer::cuda {

// A kind of arithmetic, and how many channels a mixture has room for.
template <class U_, int C>
struct Kind {
    using U = U_;
    static constexpr int channels = C;
};

// run(Kind<U, C>) with the arithmetic for these tensors, and the least C that keys and values fit in of those that
// there are kernels for.
template <class U, class T, class Run>
void with_channels(const Attention<T>& a, Run run) {
    const std::int64_t widest = a.d_key > a.d_value ? a.d_key : a.d_value;
    if constexpr (sizeof(T) == sizeof(float)) {
        if (widest <= 8) return run(Kind<U, 8>{});
        if (widest <= 16) return run(Kind<U, 16>{});
        if constexpr (U::most_channels > 64) {
            if (widest > 64) return run(Kind<U, 128>{});
        }
        if (widest > 32) return run(Kind<U, 64>{});
    }
    run(Kind<U, 32>{});
}

}  // namespace synfer::cuda
