#include <cuda_runtime.h>

#include "common/cuda/device.hpp"
#include "common/cuda/runtime.hpp"

namespace synfer {

int cuda_device_count() {
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    cudaGetLastError();  // forgotten, or the next call would be blamed for it
    return 0;
}

std::string cuda_device_name(int device) {
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, device), "looking at the device");
    return properties.name;
}

CudaMemory cuda_memory(int device) {
    const ChosenDevice chosen(device);
    CudaMemory memory{};
    check_cuda(cudaMemGetInfo(&memory.free, &memory.total), "asking for free memory");
    return memory;
}

}  // namespace synfer
