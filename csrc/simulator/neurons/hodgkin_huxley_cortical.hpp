#pragma once
#include "simulator/neurons/hodgkin_huxley.hpp"

// The membrane of hodgkin_huxley.hpp with the channels of cortical cells, after R. D. Traub and R. Miles, and the slow
// potassium current of p that adapts the rate: M. Pospischil et al., Biol. Cybern. 99 (2008), 427-441. The defaults are
// that paper's regular-spiking cell.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct CorticalCell {
    static constexpr const char* name = "hodgkin_huxley_cortical";
    static constexpr Described parameters[] = {
        {"c", 1.0, "uF/cm2", Range::positive},
        {"g_na", 56.0, "mS/cm2"},
        {"g_k", 6.0, "mS/cm2"},
        {"g_l", 0.0205, "mS/cm2"},
        {"e_na", 50.0, "mV"},
        {"e_k", -90.0, "mV"},
        {"e_l", -70.3, "mV"},
        {"threshold", 0.0, "mV"},
        {"v_t", -56.2, "mV"},
        {"g_m", 0.075, "mS/cm2"},
        {"tau_max", 608.0, "ms", Range::positive},
    };
    static constexpr Described states[] = {
        {"v", -70.0, "mV"}, {"m", 0.0, "1"}, {"h", 1.0, "1"}, {"n", 0.0, "1"}, {"p", 0.03, "1"}};
    static constexpr double rest = -70.0;
    static constexpr bool slow = true;

    static SYNFER_DEVICE Gate<T> m(T v, T v_t) {
        const T u = v - v_t;
        return {T(1.28) * linear_over_exponential((u - T(13)) * T(0.25)),
                T(1.4) * linear_over_exponential((T(40) - u) * T(0.2))};
    }
    static SYNFER_DEVICE Gate<T> h(T v, T v_t) {
        const T u = v - v_t;
        return {T(0.128) * exponential((T(17) - u) * T(1.0 / 18)), T(4) / (T(1) + exponential((T(40) - u) * T(0.2)))};
    }
    static SYNFER_DEVICE Gate<T> n(T v, T v_t) {
        const T u = v - v_t;
        return {T(0.16) * linear_over_exponential((u - T(15)) * T(0.2)),
                T(0.5) * exponential((T(10) - u) * T(1.0 / 40))};
    }
    // As a gate: alpha + beta = 1 / tau_p, alpha / (alpha + beta) = p_inf.
    static SYNFER_DEVICE Gate<T> p(T v, T tau_max) {
        const T rise = exponential((v + T(35)) * T(0.05));
        const T speed = multiply_add(T(3.3), rise, T(1) / rise) / tau_max;
        const T open = T(1) / (T(1) + exponential((v + T(35)) * T(-0.1)));
        return {speed * open, speed * (T(1) - open)};
    }
};

template <class T>
using HodgkinHuxleyCortical = HodgkinHuxleyOf<T, CorticalCell>;

}  // namespace synfer::SYNFER_LEVEL
