#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "common/cuda/place.hpp"

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

}  // namespace synfer::cuda
