#pragma once
#include <cuda_runtime.h>

#include <cstddef>

#include "attention/cuda/launch.hpp"
#include "attention/cuda/map.hpp"
#include "attention/cuda/plan.hpp"

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
    void operator()(void (*kernel)(A), std::int64_t blocks, std::size_t shared_bytes, const A& told) {
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
        error_ = cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(blocks)), dim3(block_threads), pointers,
                                  shared_bytes, stream_);
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

template <int C>
struct Channels {
    static constexpr int value = C;
};

// run(Channels<C>) with the least C that keys and values fit in, of those that there are kernels for.
template <class T, class Run>
void with_channels(const Attention<T>& a, Run run) {
    const std::int64_t widest = a.d_key > a.d_value ? a.d_key : a.d_value;
    if constexpr (sizeof(T) == sizeof(float)) {
        if (widest <= 16) return run(Channels<16>{});
        if (widest > 64) return run(Channels<128>{});
        if (widest > 32) return run(Channels<64>{});
    }
    run(Channels<32>{});
}

template <class T>
const char* refused(const Attention<T>& a) {
    constexpr std::int64_t most = 0x7fffffff - 64;
    if (a.d_key > most_channels<T> || a.d_value > most_channels<T>) return "more channels than the kernels take";
    if (a.n_rows > most || a.n_keys > most) return "more tokens than the kernels take";
    return nullptr;
}

template <class T>
Pass<T> pass_of(const Attention<T>& a, void* workspace, const Parts& parts, bool with_mean) {
    T* const memory = static_cast<T*>(workspace);
    const bool kept = a.softmax && parts.inverse > 0;
    return {a,
            kept ? memory + parts.top : nullptr,
            kept ? memory + parts.inverse : nullptr,
            kept && with_mean ? memory + parts.mean : nullptr,
            static_cast<int>(tiles_of(a.n_rows)),
            static_cast<int>(tiles_of(a.n_keys))};
}

template <class T, bool Gradient>
void launch_sum(Launches& launch, const Pass<T>& pass, const SumPlan& plan, bool over_batch, bool over_heads, T divisor,
                T* sums, T* to) {
    const SumPass<T> told{pass,
                          static_cast<int>(plan.n_columns),
                          static_cast<int>(plan.lags),
                          static_cast<int>(plan.column_tiles),
                          static_cast<int>(plan.width),
                          static_cast<int>(plan.packed),
                          over_batch,
                          over_heads,
                          static_cast<int>(plan.n_sums),
                          divisor,
                          plan.n_sums > 1 ? sums : to};
    launch(add_weights<T, Gradient>, plan.blocks, sum_shared_bytes<T, Gradient>(pass.a.d_key, pass.a.d_value), told);
    if (plan.n_sums == 1) return;
    const AddUp<T> added{sums, to, plan.count, static_cast<int>(plan.n_sums), divisor};
    launch(add_up<T>, (plan.count + block_threads - 1) / block_threads, 0, added);
}

}  // namespace synfer::cuda
