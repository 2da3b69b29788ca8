#pragma once
#include "common/cuda/place.hpp"
#include "ensemble/layers.hpp"

// Layers of an ensemble on a CUDA device: what the host calls. All tensors, and the seeds, are in the device's memory;
// nothing here allocates there or waits for the device.

namespace synfer::cuda {

// What is done in the same pass, with k x what dropout alone would give: nothing, k x; gelu, k gelu(x); its gradient,
// k x gelu'(beside); the sum, beside + k x.
enum class Beside { nothing, gelu, gelu_gradient, sum };

// ---- where there is a CUDA compiler: null, or what was wrong. The CPU's bits.
// (of dropout alone; gelu's are the device's). `beside` is read where it is said above. `advance`, on the device, is
// null or added to the step: what a replayed graph draws is told there and not by the host.
template <class T>
const char* dropout(const Dropout<T>&, Beside, const Tokens<const T>& beside, const std::uint32_t* advance,
                    const Device&);

}  // namespace synfer::cuda
