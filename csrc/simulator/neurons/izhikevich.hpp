#pragma once
#include <cstdint>

#include "common/level.hpp"
#include "simulator/simulate.hpp"

// E. M. Izhikevich, "Simple model of spiking neurons", IEEE Trans. Neural Networks 14 (2003), 1569-1572:
//     v' = quadratic v^2 + linear v + constant - u + I,   u' = a (b v - u),
//     v >= threshold:  v <- c,  u <- u + d   (at the start of the next step, before I acts).
// As in that paper's script, a step of dt moves v by two half steps (for numerical stability) and then u by one.
// The defaults are the class-1 excitable variant of Lu et al. 2023 (arXiv:2311.06928); linear = 5, constant = 140,
// b = 0.2 is the regular-spiking cell of 2003.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Izhikevich {
    static constexpr const char* name = "izhikevich";
    static constexpr const char* input_unit = "mV/ms";
    static constexpr Described parameters[] = {
        {"a", 0.02, "1/ms"},
        {"b", -0.1, "1/ms"},
        {"c", -65.0, "mV"},
        {"d", 8.0, "mV/ms"},
        {"quadratic", 0.04, "1/mV/ms"},
        {"linear", 4.1, "1/ms"},
        {"constant", 108.0, "mV/ms"},
        {"threshold", 30.0, "mV"},
    };
    static constexpr Described states[] = {{"v", -65.0, "mV"}, {"u", 0.0, "mV/ms"}};
    static constexpr int n_coefficients = 8;
    static constexpr bool random = false;
    static constexpr bool jumps = true;

    T a, b, c, d, quadratic, linear, constant, threshold;

    static SYNFER_DEVICE Izhikevich load(const T* const* k, std::int64_t e) {
        return {k[0][e], k[1][e], k[2][e], k[3][e], k[4][e], k[5][e], k[6][e], k[7][e]};
    }

    static void prepare(const double* p, double, double* k) {
        for (int i = 0; i < n_coefficients; ++i) k[i] = p[i];
    }

    static double membrane(const double*) { return 0.0; }

    // At rest: v = -65 mV, u = b v.
    static void initialise(const double* p, double* x) {
        x[0] = -65.0;
        x[1] = p[1] * x[0];
    }

    static SYNFER_DEVICE bool fired(const Izhikevich& p, const T* x, std::int64_t) { return x[0] >= p.threshold; }

    template <bool conducts, bool jumping = false>
    static SYNFER_DEVICE bool step(const Izhikevich& p, T* x, std::int64_t stride, T dt, T input, T conductance,
                                   std::uint32_t, T jump = T(0)) {
        T v = x[0];
        T u = x[stride];
        const bool resets = v >= p.threshold;
        v = resets ? p.c : v;
        u = resets ? u + p.d : u;
        const T half = T(0.5) * dt;
        const T constant_input = p.constant - u + input;
        const T linear = conducts ? p.linear - conductance : p.linear;
        v = multiply_add(half, multiply_add(multiply_add(p.quadratic, v, linear), v, constant_input), v);
        v = multiply_add(half, multiply_add(multiply_add(p.quadratic, v, linear), v, constant_input), v);
        u = multiply_add(dt * p.a, multiply_add(p.b, v, -u), u);
        if constexpr (jumping) v += jump;
        x[0] = v;
        x[stride] = u;
        return v >= p.threshold;
    }
};

}  // namespace synfer::SYNFER_LEVEL
