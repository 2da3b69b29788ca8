// The simulator's CUDA kernels and their binding, compiled for the host: a Python module of what synfer._core has of
// CUDA. Built by tests/simulate/emulation.py.
#include <cuda_runtime.h>

#include <cstring>

#include "bindings/cuda_simulator.cpp"
#include "simulator/cuda/kernels.cu"
#include "simulator/cuda/plan.cpp"

// Where the kernels' `extern __shared__ uint4 shared_memory[]` lies.
namespace synfer::cuda {
uint4 shared_memory[emulated::shared_bytes / sizeof(uint4)];
}
// Of a block before there is anything else of what it was.
void emulated::spoil_shared_memory() { std::memset(synfer::cuda::shared_memory, 0xff, shared_bytes); }

PYBIND11_MODULE(emulated, m) {
    synfer::bind_cuda_simulator(m);
    m.attr("cuda_built") = true;
}
