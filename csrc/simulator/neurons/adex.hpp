#pragma once
#include <cstdint>

#include "common/exponential.hpp"
#include "common/level.hpp"
#include "simulator/simulate.hpp"

// Adaptive exponential integrate-and-fire neuron (R. Brette, W. Gerstner, J. Neurophysiol. 94 (2005), 3637-3642):
//     C v' = -g_l (v - e_l) + g_l delta_t exp((v - v_t) / delta_t) - w + I - G v,   tau_w w' = a (v - e_l) - w,
//     v >= v_peak:  v <- v_reset,  w <- w + b   (at the start of the next step).
// G is the conductance where synapses have one; I then holds the sum of g E. A step is the explicit midpoint rule,
// second order in dt between spikes. In the exponential v counts as v_peak at most, and a spike's sample shows v_peak:
// what lies beyond is of no account. The defaults are the paper's.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct AdEx {
    static constexpr const char* name = "adex";
    static constexpr const char* input_unit = "pA";
    static constexpr Described parameters[] = {
        {"c", 281.0, "pF", Range::positive},
        {"g_l", 30.0, "nS", Range::not_negative},
        {"e_l", -70.6, "mV"},
        {"v_t", -50.4, "mV"},
        {"delta_t", 2.0, "mV", Range::positive},
        {"tau_w", 144.0, "ms", Range::positive},
        {"a", 4.0, "nS"},
        {"b", 80.5, "pA"},
        {"v_reset", -70.6, "mV"},
        {"v_peak", 20.0, "mV"},
    };
    static constexpr Described states[] = {{"v", -70.6, "mV"}, {"w", 0.0, "pA"}};
    static constexpr int n_coefficients = 11;
    static constexpr bool random = false;
    static constexpr bool jumps = true;

    T dt_c, g_l, e_l, v_t, g_l_delta_t, inverse_delta_t, dt_tau_w, a, b, v_reset, v_peak;

    static SYNFER_DEVICE AdEx load(const T* const* k, std::int64_t e) {
        return {k[0][e], k[1][e], k[2][e], k[3][e], k[4][e], k[5][e], k[6][e], k[7][e], k[8][e], k[9][e], k[10][e]};
    }

    static void prepare(const double* p, double dt, double* k) {
        k[0] = dt / p[0];
        k[1] = p[1], k[2] = p[2], k[3] = p[3];
        k[4] = p[1] * p[4];
        k[5] = 1.0 / p[4];
        k[6] = dt / p[5];
        k[7] = p[6], k[8] = p[7], k[9] = p[8], k[10] = p[9];
    }

    static double membrane(const double*) { return 0.0; }

    static void initialise(const double* p, double* x) {
        x[0] = p[2];
        x[1] = 0.0;
    }

    static SYNFER_DEVICE bool fired(const AdEx& p, const T* x, std::int64_t) { return x[0] >= p.v_peak; }

    // dt (v', w') at (v, w)
    template <bool conducts>
    static SYNFER_DEVICE void slopes(const AdEx& p, T v, T w, T input, T conductance, T& dv, T& dw) {
        const T bounded = v > p.v_peak ? p.v_peak : v;
        const T leak = bounded - p.e_l;
        T current = multiply_add(-p.g_l, leak, input - w);
        current = multiply_add(p.g_l_delta_t, exponential((bounded - p.v_t) * p.inverse_delta_t), current);
        if constexpr (conducts) current = multiply_add(-conductance, bounded, current);
        dv = p.dt_c * current;
        dw = p.dt_tau_w * multiply_add(p.a, leak, -w);
    }

    template <bool conducts, bool jumping = false>
    static SYNFER_DEVICE bool step(const AdEx& p, T* x, std::int64_t stride, T, T input, T conductance, std::uint32_t,
                                   T jump = T(0)) {
        T v = x[0];
        T w = x[stride];
        const bool resets = v >= p.v_peak;
        v = resets ? p.v_reset : v;
        w = resets ? w + p.b : w;
        T dv, dw;
        slopes<conducts>(p, v, w, input, conductance, dv, dw);
        slopes<conducts>(p, multiply_add(T(0.5), dv, v), multiply_add(T(0.5), dw, w), input, conductance, dv, dw);
        T next = v + dv;
        if constexpr (jumping) next += jump;
        const bool spikes = next >= p.v_peak;
        x[0] = spikes ? p.v_peak : next;
        x[stride] = w + dw;
        return spikes;
    }
};

}  // namespace synfer::SYNFER_LEVEL
