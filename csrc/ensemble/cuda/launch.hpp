#pragma once
#include "common/cuda/place.hpp"
#include "ensemble/layers.hpp"

// Layers of an ensemble on a CUDA device: what the host calls. All tensors, and the seeds, are in the device's memory;
// nothing here allocates there or waits for the device.

namespace synfer::cuda {

// ---- where there is a CUDA compiler: null, or what was wrong. The CPU's bits.
// `advance`, on the device, is null or added to the step: what a replayed graph draws is told there and not by the
// host.
template <class T>
const char* dropout(const Dropout<T>&, const std::uint32_t* advance, const Device&);

}  // namespace synfer::cuda
