#pragma once
#include <cstdint>

// Where a kernel's work is done, for code that knows nothing of CUDA.

namespace synfer::cuda {

struct Device {
    int index;
    std::int64_t processors;
    void* stream;
};

}  // namespace synfer::cuda
