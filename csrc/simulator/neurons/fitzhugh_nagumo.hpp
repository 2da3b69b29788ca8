#pragma once
#include <cstdint>

#include "common/level.hpp"
#include "simulator/simulate.hpp"

// FitzHugh-Nagumo model (R. FitzHugh, Biophys. J. 1 (1961), 445-466; J. Nagumo, S. Arimoto, S. Yoshizawa, Proc. IRE 50
// (1962), 2061-2070):
//     v' = v - v^3 / 3 - w + I - G v,   tau w' = v + a - b w,
// dimensionless, with a millisecond as the unit of time. A step is the classical Runge-Kutta rule, fourth order in dt.
// A spike is a step that takes v past the threshold from below.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct FitzHughNagumo {
    static constexpr const char* name = "fitzhugh_nagumo";
    static constexpr const char* input_unit = "1";
    static constexpr Described parameters[] = {
        {"a", 0.7, "1"},
        {"b", 0.8, "1"},
        {"tau", 12.5, "ms", Range::positive},
        {"threshold", 1.0, "1"},
    };
    static constexpr Described states[] = {{"v", -1.2, "1"}, {"w", -0.625, "1"}};
    static constexpr int n_coefficients = 5;
    static constexpr bool random = false;
    static constexpr bool jumps = true;

    T a, b, inverse_tau, threshold, sixth;  // sixth: of dt

    static SYNFER_DEVICE FitzHughNagumo load(const T* const* k, std::int64_t e) {
        return {k[0][e], k[1][e], k[2][e], k[3][e], k[4][e]};
    }

    static void prepare(const double* p, double dt, double* k) {
        k[0] = p[0], k[1] = p[1], k[3] = p[3];
        k[2] = 1.0 / p[2];
        k[4] = dt / 6.0;
    }

    static double membrane(const double*) { return 0.0; }

    // The fixed point without input, by Newton's iteration of v - v^3 / 3 = (v + a) / b; where there are three, the
    // lowest. (With b < 0, of which w' runs away, there is no rest.)
    static void initialise(const double* p, double* x) {
        double v = -1.2;
        if (p[1] == 0.0) v = -p[0];
        if (p[1] >= 1.0) v = lowest_root(3.0 * (1.0 - p[1]) / p[1], 3.0 * p[0] / p[1]);
        if (p[1] > 0.0 && p[1] < 1.0) {
            for (int k = 0; k < 50; ++k) {
                const double slope = 1.0 - v * v - 1.0 / p[1];
                v -= (v - v * v * v / 3.0 - (v + p[0]) / p[1]) / slope;
            }
        }
        x[0] = v;
        x[1] = v - v * v * v / 3.0;
    }

    // Of v^3 + c v + d = 0, c <= 0: from beyond all roots, whence Newton's iteration comes to the outermost one
    // straight, on the side where the lowest is the outermost.
    static double lowest_root(double c, double d) {
        const bool alone = 4.0 * c * c * c + 27.0 * d * d > 0.0;
        const double size = 1.0 + (-c > __builtin_fabs(d) ? -c : __builtin_fabs(d));
        double v = alone && d < 0.0 ? size : -size;
        for (int k = 0; k < 200; ++k) {
            const double slope = 3.0 * v * v + c;
            if (slope <= 0.0) break;  // a double root
            const double next = v - (v * (v * v + c) + d) / slope;
            if (next == v) break;
            v = next;
        }
        return v;
    }

    static SYNFER_DEVICE bool fired(const FitzHughNagumo&, const T*, std::int64_t) { return false; }

    template <bool conducts>
    static SYNFER_DEVICE void slopes(const FitzHughNagumo& p, T v, T w, T input, T conductance, T& dv, T& dw) {
        T linear = multiply_add(v * v, T(-1.0 / 3), T(1));
        if constexpr (conducts) linear -= conductance;
        dv = multiply_add(linear, v, input - w);
        dw = p.inverse_tau * multiply_add(-p.b, w, v + p.a);
    }

    template <bool conducts, bool jumping = false>
    static SYNFER_DEVICE bool step(const FitzHughNagumo& p, T* x, std::int64_t stride, T dt, T input, T conductance,
                                   std::uint32_t, T jump = T(0)) {
        const T v = x[0], w = x[stride], half = T(0.5) * dt;
        T v1, w1, v2, w2, v3, w3, v4, w4;  // slopes
        slopes<conducts>(p, v, w, input, conductance, v1, w1);
        slopes<conducts>(p, multiply_add(half, v1, v), multiply_add(half, w1, w), input, conductance, v2, w2);
        slopes<conducts>(p, multiply_add(half, v2, v), multiply_add(half, w2, w), input, conductance, v3, w3);
        slopes<conducts>(p, multiply_add(dt, v3, v), multiply_add(dt, w3, w), input, conductance, v4, w4);
        T next = multiply_add(p.sixth, v1 + v4 + T(2) * (v2 + v3), v);
        if constexpr (jumping) next += jump;
        x[0] = next;
        x[stride] = multiply_add(p.sixth, w1 + w4 + T(2) * (w2 + w3), w);
        return (v < p.threshold) & (next >= p.threshold);  // no branch, so that it vectorises
    }
};

}  // namespace synfer::SYNFER_LEVEL
