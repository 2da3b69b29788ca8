// The forward pass by what only devices of compute capability 9.0 have: compiled for these alone.
#include "attention/cuda/forward.hpp"
#include "attention/cuda/hopper.hpp"
#include "attention/cuda/passes.hpp"

namespace synfer::cuda {

bool is_for_hopper(const Attention<float>& a, const Device& device) {
    if (a.d_key > 64 || a.d_value > 64) return false;
    for (const Tensor4* x : {&a.q, &a.k, &a.v}) {
        if (x->scalar != Scalar::float32) return false;
    }
    int major = 0, minor = 0;
    return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index) == cudaSuccess &&
           cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index) == cudaSuccess &&
           major == 9 && minor == 0;
}

const char* attention_forward_on_hopper(const Attention<float>& a, void* workspace, const Device& device) {
    return run_forward<Hopper>(a, workspace, device);
}

}  // namespace synfer::cuda
