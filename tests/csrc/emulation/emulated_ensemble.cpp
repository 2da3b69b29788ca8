// The ensemble's CUDA kernels and their binding, compiled for the host: a Python module of what synfer._core has of
// them.
#include <cuda_runtime.h>

#include "bindings/cuda_ensemble.cpp"
#include "ensemble/cuda/dropout.cu"

void emulated::spoil_shared_memory() {}

PYBIND11_MODULE(emulated_ensemble, m) { synfer::bind_cuda_ensemble(m); }
