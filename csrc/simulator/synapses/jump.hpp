#pragma once
#include "simulator/synapses/block.hpp"
#include "simulator/synapses/filters.hpp"

// Jump of the potential: a spike of the source at step k moves v of every target at once by its weight (mV),
//     v_i <- v_i + sum_j W[i, j] s_j(k),
// at the end of the step of its arrival, before v is held against the threshold: the first sample that shows it shows
// all of it, whatever dt, and the delay is exact. (A delta-shaped current, as NEST's iaf_psc_delta has it.) What
// arrives while a neuron is refractory is lost.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Jump {
    static constexpr int n_receptors = 1, n_states = 1, n_factors = 0;

    static void prepare(const Synapse&, double, double, double*) {}

    static void advance(const SynapseBlock<T>& b) {
        T* __restrict__ arrived = b.state;
        T* __restrict__ input = b.input, * __restrict__ jump = b.beside;
        const T* __restrict__ drive = b.drive;
        const std::int64_t n = b.n;
#pragma omp simd
        for (std::int64_t e = 0; e < n; ++e) {
            input[e] = drive[e];
            jump[e] = arrived[e];
            arrived[e] = T(0);
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
