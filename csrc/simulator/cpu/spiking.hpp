#pragma once
#include "simulator/cpu/neuron.hpp"
#include "simulator/simulate.hpp"

// Simulation of spiking networks, whatever the model.

namespace synfer::SYNFER_LEVEL {

// Bytes for one thread of n_parts that simulate `count` networks together.
template <class T>
std::size_t spiking_bytes(const NeuronKernels<T>&, const Simulation<T>&, std::int64_t count, int n_parts);

// One thread's part of networks [first, first + count); what it gives holds for all of the team.
template <class T>
Divergence simulate_spiking(const NeuronKernels<T>&, const Simulation<T>&, std::int64_t first, std::int64_t count,
                            const Team&, void* workspace);

}  // namespace synfer::SYNFER_LEVEL
