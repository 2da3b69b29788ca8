#include <cuda_runtime.h>

#include <stdexcept>

#include "common/cuda/device.hpp"

namespace synfer {

int cuda_device_count() {
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    cudaGetLastError();  // forgotten, or the next call would be blamed for it
    return 0;
}

std::string cuda_device_name(int device) {
    cudaDeviceProp properties;
    const cudaError_t error = cudaGetDeviceProperties(&properties, device);
    if (error == cudaSuccess) return properties.name;
    cudaGetLastError();
    throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

}  // namespace synfer
