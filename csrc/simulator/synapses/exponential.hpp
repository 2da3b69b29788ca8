#pragma once
#include "simulator/synapses/block.hpp"
#include "simulator/synapses/filters.hpp"

// Exponential current: each spike adds its weight to the current of its receptor (excitatory where the weight is
// positive, inhibitory where it is negative), which decays,
//     I_r' = -I_r / tau_r,   I_r += W at the beginning of the step of its arrival;   I = sum of I_r.
// So a spike brings the charge W tau. Decay is exact, and so is the effect on a membrane that filters (filters.hpp).

namespace synfer::SYNFER_LEVEL {

template <class T>
struct ExponentialCurrent {
    static constexpr int n_receptors = 2, n_states = 2, n_factors = 2;

    static void prepare(const Synapse& synapse, double membrane, double dt, double* factors) {
        for (int r = 0; r < 2; ++r) factors[r] = exponential_factor(synapse.tau[r], membrane, dt);
    }

    static void advance(const SynapseBlock<T>& b) {
        T* __restrict__ excitatory = b.state, * __restrict__ inhibitory = b.state + b.stride;
        T* __restrict__ input = b.input;
        const T* __restrict__ drive = b.drive, * __restrict__ f0 = b.factors[0], * __restrict__ f1 = b.factors[1];
        const T decay0 = b.constants.decay[0], decay1 = b.constants.decay[1];
        const std::int64_t n = b.n;
#pragma omp simd
        for (std::int64_t e = 0; e < n; ++e) {
            const T i0 = excitatory[e], i1 = inhibitory[e];
            input[e] = multiply_add(f0[e], i0, multiply_add(f1[e], i1, drive[e]));
            excitatory[e] = decay0 * i0;
            inhibitory[e] = decay1 * i1;
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
