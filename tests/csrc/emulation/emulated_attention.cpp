// Attention's CUDA kernels and their binding, compiled for the host: a Python module of what synfer._core has of them.
#include <cuda_runtime.h>

#include <cstring>

#include "attention/cuda/backward.cu"
#include "attention/cuda/few.cu"
#include "attention/cuda/forward.cu"
#include "attention/cuda/hopper.cu"
#include "attention/cuda/plan.cpp"
#include "bindings/cuda_attention.cpp"

// Where the kernels' `extern __shared__ uint4 shared_memory[]` lies.
namespace synfer::cuda {
alignas(64) uint4 shared_memory[emulated::shared_bytes / sizeof(uint4)];
}
// Of a block before there is anything else of what it was.
void emulated::spoil_shared_memory() { std::memset(synfer::cuda::shared_memory, 0xff, shared_bytes); }

PYBIND11_MODULE(emulated_attention, m) {
    synfer::bind_cuda_attention(m);
    m.def("become", [](int generation) { emulated::generation = generation; });
}
