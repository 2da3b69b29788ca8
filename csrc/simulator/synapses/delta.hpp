#pragma once
#include "simulator/synapses/block.hpp"

// Delta synapse: a spike of the source at step k adds its weight (in the unit of the model's input) to the input of
// every target, acting for one step,
//     I_i(k + d) += sum_j W[i, j] s_j(k),
// d steps later. With the shortest delay there is, one dt, Izhikevich's v moves by W mV in the paper's step of 1 ms.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Delta {
    static constexpr int n_receptors = 1, n_states = 1, n_factors = 0;

    static void prepare(const Synapse&, double, double, double*) {}

    static void advance(const SynapseBlock<T>& b) {
        T* __restrict__ arrived = b.state;
        T* __restrict__ input = b.input;
        const T* __restrict__ drive = b.drive;
        const std::int64_t n = b.n;
#pragma omp simd
        for (std::int64_t e = 0; e < n; ++e) {
            input[e] = drive[e] + arrived[e];
            arrived[e] = T(0);
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
