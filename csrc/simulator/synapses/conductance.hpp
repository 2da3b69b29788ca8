#pragma once
#include "simulator/synapses/block.hpp"
#include "simulator/synapses/filters.hpp"

// Conductance with a reversal potential: each spike adds the magnitude of its weight to the conductance of its receptor
// (excitatory where the weight is positive, inhibitory where it is negative), which decays,
//     g_r' = -g_r / tau_r,   I = sum of g_r (E_r - v).
// The neuron takes sum g_r E_r as input and sum g_r as conductance, each the mean of the step: decay is exact.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Conductance {
    static constexpr int n_receptors = 2, n_states = 2, n_factors = 0;

    static void prepare(const Synapse&, double, double, double*) {}

    static void advance(const SynapseBlock<T>& b) {
        T* __restrict__ excitatory = b.state, * __restrict__ inhibitory = b.state + b.stride;
        T* __restrict__ input = b.input, * __restrict__ conductance = b.beside;
        const T* __restrict__ drive = b.drive;
        const SynapseConstants<T> c = b.constants;
        const std::int64_t n = b.n;
#pragma omp simd
        for (std::int64_t e = 0; e < n; ++e) {
            const T g0 = excitatory[e], g1 = inhibitory[e];
            const T m0 = c.mean[0] * g0, m1 = c.mean[1] * g1;
            conductance[e] = m0 + m1;
            input[e] = multiply_add(m0, c.reversal[0], multiply_add(m1, c.reversal[1], drive[e]));
            excitatory[e] = c.decay[0] * g0;
            inhibitory[e] = c.decay[1] * g1;
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
