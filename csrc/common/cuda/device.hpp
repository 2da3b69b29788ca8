#pragma once
#include <string>

// The CUDA devices of the machine, for code that knows nothing of CUDA. Only in builds with SYNFER_CUDA.

namespace synfer {

// 0 where there is no driver, or none for this runtime.
int cuda_device_count();
std::string cuda_device_name(int device);

}  // namespace synfer
