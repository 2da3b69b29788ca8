#pragma once
#include <cstdint>

#include "common/exponential.hpp"
#include "common/level.hpp"
#include "common/philox.hpp"
#include "simulator/simulate.hpp"

// Linear-nonlinear-Poisson neuron (E. J. Chichilnisky, Network 12 (2001), 199-213; with synapses the generalised linear
// model of J. W. Pillow et al., Nature 454 (2008), 995-999): the input is filtered, passes the exponential nonlinearity
// and sets the intensity of a Poisson process,
//     tau x' = -x + I - G x,   intensity = rate exp(gain x)  (Hz),
// and in a step there is a spike with probability 1 - exp(-intensity dt). x is exact for an input constant in the step.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct LinearNonlinearPoisson {
    static constexpr const char* name = "linear_nonlinear_poisson";
    static constexpr const char* input_unit = "1";
    static constexpr Described parameters[] = {
        {"tau", 10.0, "ms", Range::positive},
        {"rate", 10.0, "Hz", Range::not_negative},
        {"gain", 1.0, "1"},
    };
    static constexpr Described states[] = {{"x", 0.0, "1"}, {"intensity", 10.0, "Hz"}};
    static constexpr int n_coefficients = 5;
    static constexpr bool random = true;
    static constexpr bool jumps = false;

    T decay, filled, rate, gain, exponent;

    static SYNFER_DEVICE LinearNonlinearPoisson load(const T* const* k, std::int64_t e) {
        return {k[0][e], k[1][e], k[2][e], k[3][e], k[4][e]};
    }

    static void prepare(const double* p, double dt, double* k) {
        k[0] = __builtin_exp(-dt / p[0]);
        k[1] = -__builtin_expm1(-dt / p[0]);
        k[2] = p[1], k[3] = p[2];
        k[4] = -dt / p[0];
    }

    static double membrane(const double* p) { return p[0]; }

    static void initialise(const double* p, double* x) {
        x[0] = 0.0;
        x[1] = p[1];
    }

    static SYNFER_DEVICE bool fired(const LinearNonlinearPoisson&, const T*, std::int64_t) { return false; }

    template <bool conducts>
    static SYNFER_DEVICE bool step(const LinearNonlinearPoisson& p, T* state, std::int64_t stride, T dt, T input,
                                   T conductance, std::uint32_t word) {
        T x = state[0];
        if constexpr (conducts) {
            const T load = T(1) + conductance;
            const T goal = input / load;
            x = multiply_add(x - goal, exponential(p.exponent * load), goal);
        } else {
            x = multiply_add(p.decay, x, p.filled * input);
        }
        const T intensity = p.rate * exponential(p.gain * x);
        state[0] = x;
        state[stride] = intensity;
        return uniform<T>(word) < one_minus_exponential(intensity * dt * T(1e-3));
    }
};

}  // namespace synfer::SYNFER_LEVEL
