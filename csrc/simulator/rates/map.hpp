#pragma once
#include "simulator/rates/activations.hpp"
#include "simulator/simulate.hpp"

// Units in discrete time, whatever dt:
//     x_i(t + 1) = f(gain_i (sum_l sum_j W_l,ij x_j(t - l) + bias_i + I_i(t))) + noise_i z,  z standard normal, l = 0,
//     1, ...
// With f(x) = x it is a vector autoregression (H. Luetkepohl, "New Introduction to Multiple Time Series Analysis",
// 2005).

namespace synfer::SYNFER_LEVEL {

template <class T, template <class> class F>
struct Map {
    static constexpr const char* name = F<T>::map;
    static constexpr bool lagged = true;
    static constexpr Described parameters[] = {
        {"gain", 1.0, "1"},
        {"bias", 0.0, "1"},
        {"noise", 0.0, "1", Range::not_negative},
    };
    static constexpr Described states[] = {{"x", 0.0, "1"}};
    static constexpr std::int64_t noise_row = 2;

    T gain, bias, noise;

    static SYNFER_DEVICE Map load(const T* p, std::int64_t stride) { return {p[0], p[stride], p[2 * stride]}; }
    static SYNFER_DEVICE T output(const Map&, T x) { return x; }
    static SYNFER_DEVICE T step(const Map& p, T, T, T, T coupling, T input, T z) {
        return multiply_add(p.noise, z, F<T>::of(p.gain * (coupling + p.bias + input)));
    }
};

}  // namespace synfer::SYNFER_LEVEL
