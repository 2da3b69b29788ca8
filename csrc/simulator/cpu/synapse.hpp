#pragma once
#include "simulator/synapses/alpha.hpp"
#include "simulator/synapses/conductance.hpp"
#include "simulator/synapses/delta.hpp"
#include "simulator/synapses/exponential.hpp"
#include "simulator/synapses/jump.hpp"

// What the kernels of spiking networks need of a kind of synapse. A new kind is a header in ../synapses and a line here
// and in ../wiring.hpp.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct SynapseKernels {
    int n_factors;
    void (*prepare)(const Synapse&, double membrane, double dt, double* factors);
    void (*advance)(const SynapseBlock<T>&);
};

template <class T, template <class> class Kind, SynapseKind kind>
constexpr SynapseKernels<T> synapse_kernels_of() {
    static_assert(Kind<T>::n_receptors == n_receptors_of[static_cast<int>(kind)]);
    static_assert(Kind<T>::n_states == n_synapse_states_of[static_cast<int>(kind)]);
    static_assert(Kind<T>::n_factors <= max_factors);
    return {Kind<T>::n_factors, Kind<T>::prepare, Kind<T>::advance};
}

// In the order of SynapseKind.
template <class T>
constexpr SynapseKernels<T> synapse_kernels[n_synapse_kinds] = {
    synapse_kernels_of<T, Delta, SynapseKind::delta>(),
    synapse_kernels_of<T, ExponentialCurrent, SynapseKind::exponential>(),
    synapse_kernels_of<T, AlphaCurrent, SynapseKind::alpha>(),
    synapse_kernels_of<T, Conductance, SynapseKind::conductance>(),
    synapse_kernels_of<T, Jump, SynapseKind::jump>(),
};

}  // namespace synfer::SYNFER_LEVEL
