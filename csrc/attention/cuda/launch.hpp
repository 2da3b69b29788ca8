#pragma once
#include <cstddef>

#include "attention/attention.hpp"

// Attention on a CUDA device: what the host calls. All tensors of an Attention and the workspace are in the device's
// memory, made by who calls; nothing here allocates there or waits for the device.

namespace synfer::cuda {

// Channels of a key or a value that the kernels take: their tiles then fit into an A100's shared memory.
template <class T>
constexpr std::int64_t most_channels = sizeof(T) == sizeof(float) ? 128 : 32;

// Where the work is done.
struct Device {
    int index;
    std::int64_t processors;
    void* stream;
};

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

}  // namespace synfer::cuda
