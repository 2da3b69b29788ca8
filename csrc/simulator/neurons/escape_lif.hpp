#pragma once
#include <cstdint>

#include "common/exponential.hpp"
#include "common/level.hpp"
#include "common/philox.hpp"
#include "simulator/neurons/lif.hpp"

// Leaky integrate-and-fire neuron with escape noise (W. Gerstner, W. M. Kistler, R. Naud, L. Paninski, "Neuronal
// Dynamics", Cambridge 2014, chapter 9): below a soft threshold the membrane is that of lif.hpp, and the neuron fires
// at the rate
//     hazard = rate exp((v - threshold) / width),   so in a step with probability 1 - exp(-hazard dt);
// then v <- reset at once (the sample of a spike shows v reset) and stays there for the refractory time, counted from
// the end of the spike's step: v is held for R = rint(refractory / dt) steps, and spikes are R + 1 apart, one more than
// lif's.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct EscapeLif {
    static constexpr const char* name = "escape_lif";
    static constexpr const char* input_unit = "nA";
    static constexpr Described parameters[] = {
        {"tau", 20.0, "ms", Range::positive},
        {"rest", -70.0, "mV"},
        {"resistance", 1.0, "MOhm"},
        {"threshold", -50.0, "mV"},
        {"reset", -70.0, "mV"},
        {"refractory", 2.0, "ms", Range::not_negative},
        {"rate", 100.0, "Hz", Range::not_negative},  // at the threshold
        {"width", 2.0, "mV", Range::positive},
    };
    static constexpr Described states[] = {{"v", -70.0, "mV"}, {"held", 0.0, "1"}};
    static constexpr int n_coefficients = 10;
    static constexpr bool random = true;
    static constexpr bool jumps = true;

    Lif<T> membrane_part;
    T dt_rate, inverse_width;

    static SYNFER_DEVICE EscapeLif load(const T* const* k, std::int64_t e) {
        return {Lif<T>::load(k, e), k[8][e], k[9][e]};
    }

    static void prepare(const double* p, double dt, double* k) {
        Lif<double>::prepare(p, dt, k);
        const double steps = __builtin_rint(p[5] / dt);
        k[5] = steps > 0.0 ? steps : 0.0;  // all of them are to come: the reset happened in the step of the spike
        k[8] = p[6] * 1e-3 * dt;
        k[9] = 1.0 / p[7];
    }

    static double membrane(const double* p) { return p[0]; }

    static void initialise(const double* p, double* x) {
        x[0] = p[1];
        x[1] = 0.0;
    }

    static SYNFER_DEVICE bool fired(const EscapeLif&, const T*, std::int64_t) { return false; }

    template <bool conducts, bool jumping = false>
    static SYNFER_DEVICE bool step(const EscapeLif& p, T* x, std::int64_t stride, T, T input, T conductance,
                                   std::uint32_t word, T jump = T(0)) {
        T v = x[0];
        T held = x[stride];
        const bool holds = held > T(0);
        T next = Lif<T>::template integrated<conducts>(p.membrane_part, v, input, conductance);
        if constexpr (jumping) next += jump;
        v = holds ? v : next;
        held = holds ? held - T(1) : held;
        const T hazard = p.dt_rate * exponential((v - p.membrane_part.threshold) * p.inverse_width);
        const bool spikes = !holds & (uniform<T>(word) < one_minus_exponential(hazard));
        x[0] = spikes ? p.membrane_part.reset : v;
        x[stride] = spikes ? p.membrane_part.hold : held;
        return spikes;
    }
};

}  // namespace synfer::SYNFER_LEVEL
