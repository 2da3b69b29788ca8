#pragma once
#include <cuda_runtime.h>

#include <cstddef>

#include "attention/cuda/launch.hpp"

// What both passes launch with.

namespace synfer::cuda {

// Launches on a stream of a device, which is the current one while this lives; the first error ends them.
class Launches {
  public:
    explicit Launches(const Device& device) : stream_(static_cast<cudaStream_t>(device.stream)) {
        error_ = cudaGetDevice(&before_);  // in force again afterwards: others in the process count on it
        if (error_ == cudaSuccess && before_ != device.index) error_ = cudaSetDevice(device.index);
        changed_ = error_ == cudaSuccess && before_ != device.index;
    }
    ~Launches() {
        if (changed_) cudaSetDevice(before_);
    }
    Launches(const Launches&) = delete;
    Launches& operator=(const Launches&) = delete;

    template <class A>
    void operator()(void (*kernel)(A), std::int64_t blocks, int threads, std::size_t shared_bytes, const A& told) {
        if (error_ != cudaSuccess) return;
        constexpr std::int64_t most_blocks = 0x7fffffff;
        constexpr std::size_t given_anyway = 48 << 10;
        if (blocks > most_blocks) {
            error_ = cudaErrorInvalidValue;
            return;
        }
        if (shared_bytes > given_anyway) {
            error_ = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                          static_cast<int>(shared_bytes));
            if (error_ != cudaSuccess) return;
        }
        A arguments = told;
        void* pointers[] = {&arguments};
        error_ = cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(blocks)), dim3(static_cast<unsigned>(threads)),
                                  pointers, shared_bytes, stream_);
    }

    // Null, or what CUDA says was wrong.
    const char* problem() const {
        if (error_ == cudaSuccess) return nullptr;
        cudaGetLastError();  // forgotten, or the next call would be blamed for it
        return cudaGetErrorString(error_);
    }

  private:
    cudaStream_t stream_;
    cudaError_t error_;
    int before_ = 0;
    bool changed_ = false;
};

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
