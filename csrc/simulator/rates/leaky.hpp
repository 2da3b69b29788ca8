#pragma once
#include "simulator/rates/activations.hpp"
#include "simulator/simulate.hpp"

// Leaky rate units (H. Sompolinsky, A. Crisanti, H. J. Sommers, "Chaos in random neural networks", Phys. Rev. Lett. 61
// (1988), 259-262, with tanh):
//     tau dx_i = (-x_i + sum_j W_ij f(gain_j x_j) + bias_i + I_i) dt + tau noise_i dW_i,
// by Euler and Maruyama, z standard normal:
//     x_i <- x_i + dt / tau_i (-x_i + sum_j W_ij f(gain_j x_j) + bias_i + I_i) + noise_i sqrt(dt) z.
// Noise enters x itself, not the input: alone (W = 0) it gives x a variance of noise^2 tau / 2.

namespace synfer::SYNFER_LEVEL {

template <class T, template <class> class F>
struct Leaky {
    static constexpr const char* name = F<T>::leaky;
    static constexpr bool lagged = false;
    static constexpr Described parameters[] = {
        {"tau", 0.01, "s", Range::positive},
        {"gain", 1.0, "1"},
        {"bias", 0.0, "1"},
        {"noise", 0.0, "1/sqrt(s)", Range::not_negative},
    };
    static constexpr Described states[] = {{"x", 0.0, "1"}};
    static constexpr std::int64_t noise_row = 3;

    T tau, gain, bias, noise;

    static SYNFER_DEVICE Leaky load(const T* p, std::int64_t stride) {
        return {p[0], p[stride], p[2 * stride], p[3 * stride]};
    }
    // What the others see of x.
    static SYNFER_DEVICE T output(const Leaky& p, T x) { return F<T>::of(p.gain * x); }
    // x after a step of dt (s) under `coupling`, the sum over the others, and the input I.
    static SYNFER_DEVICE T step(const Leaky& p, T x, T dt, T root_dt, T coupling, T input, T z) {
        const T moved = multiply_add(dt / p.tau, coupling + p.bias + input - x, x);
        return multiply_add(p.noise * root_dt, z, moved);
    }
};

}  // namespace synfer::SYNFER_LEVEL
