#pragma once
#include <cstddef>

#include "attention/attention.hpp"
#include "common/cuda/place.hpp"

// Attention on a CUDA device: what the host calls. All tensors of an Attention and the workspace are in the device's
// memory, made by who calls; nothing here allocates there or waits for the device.

namespace synfer::cuda {

// Channels of a key or a value that the kernels take: their tiles then fit into an A100's shared memory.
template <class T>
constexpr std::int64_t most_channels = sizeof(T) == sizeof(float) ? 128 : 32;

// The shared memory that a block of the kernel with most of it needs for keys and values of so many channels at most:
// tiles of 64 queries, keys, values and gradients, and what lies beside them (see ordinary.hpp and tensor_cores.hpp).
// Devices of compute capability 8.6 and 8.9 have less than 100 KiB to give, an A100 163, an H100 227.
template <class T>
constexpr std::size_t shared_bytes_needed(std::int64_t widest) {
    if (sizeof(T) == sizeof(double)) return (4 * 32 * (64 + 4) + 64 * (64 + 1) + 3 * 64) * sizeof(T);
    const std::int64_t channels = widest <= 8 ? 8 : widest <= 16 ? 16 : widest <= 32 ? 32 : widest <= 64 ? 64 : 128;
    return static_cast<std::size_t>(4 * 64 * (channels + 4) + 64 * (64 + 1) + 3 * 64) * sizeof(T);
}

// Bytes of workspace, aligned to 16, that a pass needs on a device of so many processors.
template <class T>
std::size_t attention_forward_bytes(const Attention<T>&, std::int64_t processors);
template <class T>
std::size_t attention_backward_bytes(const Attention<T>&, std::int64_t processors);

// ---- where there is a CUDA compiler: null, or what was wrong. The same bits in every call.
template <class T>
const char* attention_forward(const Attention<T>&, void* workspace, const Device&);
template <class T>
const char* attention_backward(const Attention<T>&, void* workspace, const Device&);
// Both passes over heads of few rows and few keys; for which tensors, is_few of plan.hpp says.
template <class T>
const char* attention_forward_of_few(const Attention<T>&, const Device&);
template <class T>
const char* attention_backward_of_few(const Attention<T>&, const Device&);
// The forward pass by what only devices of compute capability 9.0 have, and whether it is for these tensors.
const char* attention_forward_on_hopper(const Attention<float>&, void* workspace, const Device&);
bool is_for_hopper(const Attention<float>&, const Device&);

}  // namespace synfer::cuda
