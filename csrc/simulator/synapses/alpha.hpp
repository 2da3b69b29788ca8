#pragma once
#include "simulator/synapses/block.hpp"
#include "simulator/synapses/filters.hpp"

// Alpha-function current: a spike of weight W brings
//     I(t) = W (t / tau) e^{1 - t / tau},
// whose peak W comes after tau, and whose charge is e W tau; receptors as in exponential.hpp. As two equations,
// h' = -h / tau, I' = -I / tau + e h / tau, with h += W on arrival; exact as there.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct AlphaCurrent {
    // h of the receptors, then their I
    static constexpr int n_receptors = 2, n_states = 4, n_factors = 4;

    static void prepare(const Synapse& synapse, double membrane, double dt, double* factors) {
        for (int r = 0; r < 2; ++r) {
            factors[r] = alpha_factor(synapse.tau[r], membrane, dt);
            factors[2 + r] = exponential_factor(synapse.tau[r], membrane, dt);
        }
    }

    static void advance(const SynapseBlock<T>& b) {
        T* __restrict__ h0 = b.state, * __restrict__ h1 = h0 + b.stride;
        T* __restrict__ i0 = h1 + b.stride, * __restrict__ i1 = i0 + b.stride;
        T* __restrict__ input = b.input;
        const T* __restrict__ f0 = b.factors[0], * __restrict__ f1 = b.factors[1], * __restrict__ f2 = b.factors[2], * __restrict__ f3 = b.factors[3], * __restrict__ drive = b.drive;
        const T decay0 = b.constants.decay[0], decay1 = b.constants.decay[1];
        const T rise0 = b.constants.rise[0], rise1 = b.constants.rise[1];
        const std::int64_t n = b.n;
#pragma omp simd
        for (std::int64_t e = 0; e < n; ++e) {
            const T a0 = h0[e], a1 = h1[e], c0 = i0[e], c1 = i1[e];
            const T alpha = multiply_add(f0[e], a0, multiply_add(f1[e], a1, drive[e]));
            input[e] = multiply_add(f2[e], c0, multiply_add(f3[e], c1, alpha));
            i0[e] = decay0 * multiply_add(rise0, a0, c0);
            i1[e] = decay1 * multiply_add(rise1, a1, c1);
            h0[e] = decay0 * a0;
            h1[e] = decay1 * a1;
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
