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

    T a, b, c, d, quadratic, linear, constant, threshold;

    // Parameters of the neuron at p; those of one neuron lie `stride` apart.
    static SYNFER_DEVICE Izhikevich load(const T* p, std::int64_t stride) {
        return {p[0],          p[stride],     p[2 * stride], p[3 * stride],
                p[4 * stride], p[5 * stride], p[6 * stride], p[7 * stride]};
    }

    // State at rest before the first step: v = -65 mV, u = b v.
    static SYNFER_DEVICE void initialise(const Izhikevich& p, T* x, std::int64_t stride) {
        x[0] = T(-65);
        x[stride] = p.b * x[0];
    }

    static SYNFER_DEVICE bool spikes(const Izhikevich& p, const T* x, std::int64_t) { return x[0] >= p.threshold; }

    // One step of dt (ms) under the input I (mV/ms).
    static SYNFER_DEVICE void step(const Izhikevich& p, T* x, std::int64_t stride, T dt, T input) {
        T v = x[0];
        T u = x[stride];
        const bool fired = v >= p.threshold;
        v = fired ? p.c : v;
        u = fired ? u + p.d : u;
        const T half = T(0.5) * dt;
        const T constant_input = p.constant - u + input;
        v = multiply_add(half, multiply_add(multiply_add(p.quadratic, v, p.linear), v, constant_input), v);
        v = multiply_add(half, multiply_add(multiply_add(p.quadratic, v, p.linear), v, constant_input), v);
        u = multiply_add(dt * p.a, multiply_add(p.b, v, -u), u);
        x[0] = v;
        x[stride] = u;
    }
};

}  // namespace synfer::SYNFER_LEVEL
