#pragma once
#include <cstdint>

#include "common/exponential.hpp"
#include "common/level.hpp"
#include "common/philox.hpp"
#include "simulator/simulate.hpp"

// Poisson neuron: spikes at the intensity
//     intensity = max(rate + I, 0)  (Hz),   so in a step with probability 1 - exp(-intensity dt),
// at most one spike a step. With synapses it is the linear Hawkes process (A. G. Hawkes, Biometrika 58 (1971), 83-90)
// in discrete time. A conductance G acts as the current I - G intensity.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Poisson {
    static constexpr const char* name = "poisson";
    static constexpr const char* input_unit = "Hz";
    static constexpr Described parameters[] = {{"rate", 10.0, "Hz"}};
    static constexpr Described states[] = {{"intensity", 10.0, "Hz"}};
    static constexpr int n_coefficients = 1;
    static constexpr bool random = true;
    static constexpr bool jumps = false;

    T rate;

    static SYNFER_DEVICE Poisson load(const T* const* k, std::int64_t e) { return {k[0][e]}; }

    static void prepare(const double* p, double, double* k) { k[0] = p[0]; }

    static double membrane(const double*) { return 0.0; }

    static void initialise(const double* p, double* x) { x[0] = p[0] > 0.0 ? p[0] : 0.0; }

    static SYNFER_DEVICE bool fired(const Poisson&, const T*, std::int64_t) { return false; }

    template <bool conducts>
    static SYNFER_DEVICE bool step(const Poisson& p, T* x, std::int64_t, T dt, T input, T conductance,
                                   std::uint32_t word) {
        T intensity = p.rate + input;
        if constexpr (conducts) intensity = multiply_add(-conductance, x[0], intensity);
        intensity = intensity < T(0) ? T(0) : intensity;  // stays what is not a number
        x[0] = intensity;
        return uniform<T>(word) < one_minus_exponential(intensity * dt * T(1e-3));
    }
};

}  // namespace synfer::SYNFER_LEVEL
