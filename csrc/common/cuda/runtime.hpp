#pragma once
#include <cuda_runtime.h>

#include <string>

#include "common/cuda/device.hpp"

// What the host side of every CUDA kernel needs: errors, the device in force, memory there. For .cu files only.

namespace synfer {

inline void check_cuda(cudaError_t status, const char* doing) {
    if (status == cudaSuccess) return;
    cudaGetLastError();  // forgotten, or the next call would be blamed for it
    throw CudaError(std::string(cudaGetErrorString(status)) + " while " + doing);
}

// In force as long as this lives; then the one before is, as other libraries in the process may count on it.
class ChosenDevice {
  public:
    explicit ChosenDevice(int device) {
        check_cuda(cudaGetDevice(&before_), "asking which device is in force");
        check_cuda(cudaSetDevice(device), "choosing the device");
    }
    ~ChosenDevice() { cudaSetDevice(before_); }
    ChosenDevice(const ChosenDevice&) = delete;
    ChosenDevice& operator=(const ChosenDevice&) = delete;

  private:
    int before_ = 0;
};

// An array in the device's memory; empty, and null, where it has no elements.
template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(std::size_t n) : n_(n) {
        if (n == 0) return;
        void* memory = nullptr;
        check_cuda(cudaMalloc(&memory, n * sizeof(T)), "taking memory");
        data_ = static_cast<T*>(memory);
    }
    DeviceArray(const T* from, std::size_t n) : DeviceArray(from == nullptr ? 0 : n) { read(from, n_); }
    ~DeviceArray() { cudaFree(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* get() const { return data_; }
    void read(const T* from, std::size_t n, std::size_t at = 0) {
        if (n == 0) return;
        check_cuda(cudaMemcpy(data_ + at, from, n * sizeof(T), cudaMemcpyHostToDevice), "copying to the device");
    }
    void write(T* to) const {
        if (n_ == 0 || to == nullptr) return;
        check_cuda(cudaMemcpy(to, data_, n_ * sizeof(T), cudaMemcpyDeviceToHost), "copying from the device");
    }
    void fill(int byte) {
        if (n_ != 0) check_cuda(cudaMemset(data_, byte, n_ * sizeof(T)), "filling memory");
    }

  private:
    T* data_ = nullptr;
    std::size_t n_;
};

}  // namespace synfer
