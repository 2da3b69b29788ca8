#pragma once
#include <cstdint>

#include "common/exponential.hpp"
#include "common/level.hpp"
#include "simulator/simulate.hpp"

// Leaky integrate-and-fire neuron (L. Lapicque, J. Physiol. Pathol. Gen. 9 (1907), 620-635):
//     tau v' = rest - v + resistance (I - G v),   v >= threshold:  v <- reset, and stays there for the refractory time
// (counted from the start of the spike's step, as Brian2 does; the sample of a spike shows v past the threshold). Of R
// = rint(refractory / dt) steps the first is the spike's: v is held for R - 1, and spikes are max(R, 1) steps apart. I
// is the input, and G the conductance where synapses have one (I then holds the sum of g E). A step is exact for an
// input that is constant in it, and for currents that decay exponentially (synapses/filters.hpp). With resistance = 1
// read I in mV, and G in units of the leak's conductance.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Lif {
    static constexpr const char* name = "lif";
    static constexpr const char* input_unit = "nA";
    static constexpr Described parameters[] = {
        {"tau", 20.0, "ms", Range::positive}, {"rest", -70.0, "mV"},  {"resistance", 1.0, "MOhm"},
        {"threshold", -50.0, "mV"},           {"reset", -70.0, "mV"}, {"refractory", 2.0, "ms", Range::not_negative},
    };
    // held: steps of the refractory time that remain
    static constexpr Described states[] = {{"v", -70.0, "mV"}, {"held", 0.0, "1"}};
    static constexpr int n_coefficients = 8;
    static constexpr bool random = false;
    static constexpr bool jumps = true;

    T decay, gain, rest, threshold, reset, hold, resistance, exponent;

    static SYNFER_DEVICE Lif load(const T* const* k, std::int64_t e) {
        return {k[0][e], k[1][e], k[2][e], k[3][e], k[4][e], k[5][e], k[6][e], k[7][e]};
    }

    static void prepare(const double* p, double dt, double* k) {
        k[0] = __builtin_exp(-dt / p[0]);
        k[1] = -p[2] * __builtin_expm1(-dt / p[0]);
        k[2] = p[1], k[3] = p[3], k[4] = p[4];
        const double steps = __builtin_rint(p[5] / dt) - 1.0;  // the step of the reset is one of them
        k[5] = steps > 0.0 ? steps : 0.0;
        k[6] = p[2];
        k[7] = -dt / p[0];
    }

    // The time constant with which the membrane filters its input.
    static double membrane(const double* p) { return p[0]; }

    static void initialise(const double* p, double* x) {
        x[0] = p[1] < p[3] ? p[1] : p[4];  // at rest, or where there is no rest below the threshold, as after a spike
        x[1] = 0.0;
    }

    static SYNFER_DEVICE bool fired(const Lif& p, const T* x, std::int64_t) { return x[0] >= p.threshold; }

    // v after a step from v, whether it is held or not
    template <bool conducts>
    static SYNFER_DEVICE T integrated(const Lif& p, T v, T input, T conductance) {
        if constexpr (conducts) {
            const T load = multiply_add(p.resistance, conductance, T(1));
            const T goal = multiply_add(p.resistance, input, p.rest) / load;
            return multiply_add(v - goal, exponential(p.exponent * load), goal);
        } else {
            return multiply_add(p.decay, v - p.rest, multiply_add(p.gain, input, p.rest));
        }
    }

    template <bool conducts, bool jumping = false>
    static SYNFER_DEVICE bool step(const Lif& p, T* x, std::int64_t stride, T, T input, T conductance, std::uint32_t,
                                   T jump = T(0)) {
        T v = x[0];
        T held = x[stride];
        const bool resets = v >= p.threshold;
        v = resets ? p.reset : v;
        held = resets ? p.hold : held;
        const bool holds = held > T(0);
        T next = integrated<conducts>(p, v, input, conductance);
        if constexpr (jumping) next += jump;
        v = holds ? v : next;
        x[0] = v;
        x[stride] = holds ? held - T(1) : held;
        return v >= p.threshold;
    }
};

}  // namespace synfer::SYNFER_LEVEL
