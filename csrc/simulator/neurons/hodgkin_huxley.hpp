#pragma once
#include <cstdint>

#include "common/exponential.hpp"
#include "common/level.hpp"
#include "simulator/simulate.hpp"

// Hodgkin and Huxley's membrane, of a unit area:
//     C v' = -g_na m^3 h (v - e_na) - g_k n^4 (v - e_k) - g_m p (v - e_k) - g_l (v - e_l) + I - G v,
//     x' = alpha_x(v) (1 - x) - beta_x(v) x  for the gates x = m, h, n;   p' = (p_inf(v) - p) / tau_p(v).
// Here the squid's axon (A. L. Hodgkin, A. F. Huxley, J. Physiol. 117 (1952), 500-544) in today's signs, at rest at
// -65 mV, 6.3 degrees; it has no p.
// A step is Strang's splitting: the gates for half a step at fixed v, v for a whole one at fixed gates, the gates for
// the other half, each part exact. Second order in dt, and stable whatever dt. A spike is a step that takes v past the
// threshold from below.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Gate {
    T alpha, beta;  // 1/ms

    // x after `time`
    SYNFER_DEVICE T relaxed(T x, T time) const {
        const T sum = alpha + beta;
        const T goal = alpha / sum;
        return multiply_add(x - goal, exponential(-sum * time), goal);
    }
    SYNFER_DEVICE T resting() const { return alpha / (alpha + beta); }
};

template <class T>
struct SquidAxon {
    static constexpr const char* name = "hodgkin_huxley";
    static constexpr Described parameters[] = {
        {"c", 1.0, "uF/cm2", Range::positive},
        {"g_na", 120.0, "mS/cm2"},
        {"g_k", 36.0, "mS/cm2"},
        {"g_l", 0.3, "mS/cm2"},
        {"e_na", 50.0, "mV"},
        {"e_k", -77.0, "mV"},
        {"e_l", -54.387, "mV"},
        {"threshold", 0.0, "mV"},
    };
    static constexpr Described states[] = {{"v", -65.0, "mV"}, {"m", 0.05, "1"}, {"h", 0.6, "1"}, {"n", 0.32, "1"}};
    static constexpr double rest = -65.0;
    static constexpr bool slow = false;

    static SYNFER_DEVICE Gate<T> m(T v, T) {
        return {linear_over_exponential((v + T(40)) * T(0.1)), T(4) * exponential((v + T(65)) * T(-1.0 / 18))};
    }
    static SYNFER_DEVICE Gate<T> h(T v, T) {
        return {T(0.07) * exponential((v + T(65)) * T(-0.05)), T(1) / (T(1) + exponential((v + T(35)) * T(-0.1)))};
    }
    static SYNFER_DEVICE Gate<T> n(T v, T) {
        return {T(0.1) * linear_over_exponential((v + T(55)) * T(0.1)),
                T(0.125) * exponential((v + T(65)) * T(-1.0 / 80))};
    }
    static SYNFER_DEVICE Gate<T> p(T, T) { return {T(0), T(1)}; }
};

template <class T, template <class> class Cell>
struct HodgkinHuxleyOf {
    static constexpr const char* name = Cell<T>::name;
    static constexpr const char* input_unit = "uA/cm2";
    static constexpr auto& parameters = Cell<T>::parameters;
    static constexpr auto& states = Cell<T>::states;
    static constexpr bool slow = Cell<T>::slow;
    static constexpr int n_coefficients = sizeof(Cell<T>::parameters) / sizeof(Described);
    static constexpr bool random = false;
    static constexpr bool jumps = true;
    static constexpr double least = 0x1p-16;  // of dt / C times the conductance, below which the step is its series

    T exponent, g_na, g_k, g_l, e_na, e_k, e_l, threshold;
    T v_t, g_m, tau_max;  // of a cell with a slow current

    static SYNFER_DEVICE HodgkinHuxleyOf load(const T* const* k, std::int64_t e) {
        return {k[0][e],
                k[1][e],
                k[2][e],
                k[3][e],
                k[4][e],
                k[5][e],
                k[6][e],
                k[7][e],
                slow ? k[8][e] : T(0),
                slow ? k[9][e] : T(0),
                slow ? k[10][e] : T(0)};
    }

    static void prepare(const double* p, double dt, double* k) {
        for (int i = 0; i < n_coefficients; ++i) k[i] = p[i];
        k[0] = -dt / p[0];
    }

    static double membrane(const double*) { return 0.0; }

    static void initialise(const double* p, double* x) {
        x[0] = Cell<T>::rest;
        const double v_t = slow ? p[8] : 0.0;
        x[1] = Cell<double>::m(x[0], v_t).resting();
        x[2] = Cell<double>::h(x[0], v_t).resting();
        x[3] = Cell<double>::n(x[0], v_t).resting();
        if (slow) x[4] = Cell<double>::p(x[0], p[10]).resting();
    }

    static SYNFER_DEVICE bool fired(const HodgkinHuxleyOf&, const T*, std::int64_t) { return false; }

    template <bool conducts, bool jumping = false>
    static SYNFER_DEVICE bool step(const HodgkinHuxleyOf& k, T* x, std::int64_t stride, T dt, T input, T conductance,
                                   std::uint32_t, T jump = T(0)) {
        const T before = x[0], half = T(0.5) * dt;
        const T m = Cell<T>::m(before, k.v_t).relaxed(x[stride], half);
        const T h = Cell<T>::h(before, k.v_t).relaxed(x[2 * stride], half);
        const T n = Cell<T>::n(before, k.v_t).relaxed(x[3 * stride], half);
        T p = T(0);
        if constexpr (slow) p = Cell<T>::p(before, k.tau_max).relaxed(x[4 * stride], half);

        const T sodium = k.g_na * m * m * m * h;
        const T square = n * n;
        T potassium = k.g_k * square * square;
        if constexpr (slow) potassium = multiply_add(k.g_m, p, potassium);
        T sum = sodium + potassium + k.g_l;
        const T driving =
            multiply_add(sodium, k.e_na, multiply_add(potassium, k.e_k, multiply_add(k.g_l, k.e_l, input)));
        if constexpr (conducts) sum += conductance;
        const T goal = driving / sum;
        const T spent = k.exponent * sum;
        T v = multiply_add(before - goal, exponential(spent), goal);
        // Nothing, or next to nothing, conducts: the goal is at infinity, and v - goal would lose what v is made of.
        const T charged = multiply_add(k.exponent * multiply_add(T(0.5), spent, T(1)), sum * before - driving, before);
        v = spent * spent < T(least) * T(least) ? charged : v;

        x[stride] = Cell<T>::m(v, k.v_t).relaxed(m, half);
        x[2 * stride] = Cell<T>::h(v, k.v_t).relaxed(h, half);
        x[3 * stride] = Cell<T>::n(v, k.v_t).relaxed(n, half);
        if constexpr (slow) x[4 * stride] = Cell<T>::p(v, k.tau_max).relaxed(p, half);
        if constexpr (jumping) v += jump;
        x[0] = v;
        return (before < k.threshold) & (v >= k.threshold);  // no branch, so that it vectorises
    }
};

template <class T>
using HodgkinHuxley = HodgkinHuxleyOf<T, SquidAxon>;

}  // namespace synfer::SYNFER_LEVEL
