#pragma once
#include <cstddef>
#include <stdexcept>
#include <string>

// The CUDA devices of the machine, for code that knows nothing of CUDA. Only in builds with SYNFER_CUDA.

namespace synfer {

// Something that the CUDA runtime refused; the message is its own.
struct CudaError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct CudaMemory {
    std::size_t free, total;  // bytes
};

// 0 where there is no driver, or none for this runtime.
int cuda_device_count();
std::string cuda_device_name(int device);
CudaMemory cuda_memory(int device);

}  // namespace synfer
