#pragma once
#include <cstdint>

#include "common/gaussian.hpp"
#include "common/level.hpp"

// Activation functions, branch-free, so that a loop over units vectorises. With x = n ln 2 + r, |r| <= ln 2 / 2,
//     exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1),
// exp(r) - 1 by its Taylor series to r^7 (float; relative error 1.5e-8) or r^13 (double; 1.2e-17), before rounding:
// near x = 0 nothing cancels. Errors measured on a million arguments, against 64 bits of mantissa, in units of the last
// place: at most 2.5, of tanh and of sigmoid, float and double, with fused multiply-adds and without.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
    static constexpr float rounds = 12582912.0f;  // 1.5 2^23: adding it rounds to an integer, in the low bits
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;  // n ln2_high is exact
    static constexpr int degree = 7;
    using Bits = std::uint32_t;  // unsigned: what is shifted out of them is to be lost
    static constexpr Bits one = 0x3f800000;
};
template <>
struct ExpConstants<double> {
    static constexpr double rounds = 6755399441055744.0;  // 1.5 2^52
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
    static constexpr int degree = 13;
    using Bits = std::uint64_t;
    static constexpr Bits one = 0x3ff0000000000000;
};

// scale = 2^n and part = exp(r) - 1, for |x| <= 80. What is not a number gives a part that is none.
template <class T>
SYNFER_DEVICE void exp_parts(T x, T& scale, T& part) {
    using C = ExpConstants<T>;
    constexpr T inverse_factorial[] = {
        T(1),         T(1) / 2,      T(1) / 6,       T(1) / 24,       T(1) / 120,       T(1) / 720,         T(1) / 5040,
        T(1) / 40320, T(1) / 362880, T(1) / 3628800, T(1) / 39916800, T(1) / 479001600, T(1) / 6227020800.0};
    const T shifted = multiply_add(x, T(1.44269504088896340736), C::rounds);
    const T n = shifted - C::rounds;
    T r = multiply_add(n, -C::ln2_high, x);
    r = multiply_add(n, -C::ln2_low, r);
    T p = inverse_factorial[C::degree - 1];
#pragma GCC unroll 12
    for (int k = C::degree - 2; k >= 1; --k) p = multiply_add(p, r, inverse_factorial[k]);
    part = multiply_add(p * r, r, r);
    typename C::Bits bits;
    __builtin_memcpy(&bits, &shifted, sizeof(T));
    bits = (bits << FloatBits<T>::mantissa) + C::one;
    __builtin_memcpy(&scale, &bits, sizeof(T));
}

template <class T>
SYNFER_DEVICE T magnitude(T x) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return __builtin_fabsf(x);
    } else {
        return __builtin_fabs(x);
    }
}

template <class T>
SYNFER_DEVICE T at_most(T x, T limit) {
    return x > limit ? limit : x;  // what is not a number stays so
}

template <class T>
struct Tanh {
    static constexpr const char *leaky = "leaky_tanh", *map = "map_tanh";
    // (e - 1) / (e + 1), e = exp(2 |x|): 1 to rounding beyond |x| = 20
    static SYNFER_DEVICE T of(T x) {
        T scale, part;
        exp_parts(at_most(T(2) * magnitude(x), T(40)), scale, part);
        const T less_one = multiply_add(scale, part, scale - T(1));
        const T y = less_one / (less_one + T(2));
        return x < T(0) ? -y : y;
    }
};

template <class T>
struct Sigmoid {
    static constexpr const char *leaky = "leaky_sigmoid", *map = "map_sigmoid";
    // 1 / (1 + e) or e / (1 + e), e = exp(-|x|); below x = -80 as at -80, 2e-35
    static SYNFER_DEVICE T of(T x) {
        T scale, part;
        exp_parts(-at_most(magnitude(x), T(80)), scale, part);
        const T e = multiply_add(scale, part, scale);
        return (x < T(0) ? e : T(1)) / (T(1) + e);
    }
};

template <class T>
struct Relu {
    static constexpr const char *leaky = "leaky_relu", *map = "map_relu";
    static SYNFER_DEVICE T of(T x) { return x < T(0) ? T(0) : x; }
};

template <class T>
struct Linear {
    static constexpr const char *leaky = "leaky_linear", *map = "var";
    static SYNFER_DEVICE T of(T x) { return x; }
};

}  // namespace synfer::SYNFER_LEVEL
