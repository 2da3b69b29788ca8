#pragma once
#include <cstdint>

#include "common/level.hpp"
#include "common/square_root.hpp"

// Two standard normal numbers from two random words, by Box and Muller (1958):
//     z0 = sqrt(-2 ln x) cos(theta),  z1 = sqrt(-2 ln x) sin(theta),
// x = (floor(w0 / 2) + 1/2) / 2^31 in (0, 1), theta = 2 pi w1 / 2^32. |z| <= 6.7. float and double read the same 32
// bits, so they draw the same numbers, to rounding. Branch-free, so that a loop over words vectorises. The polynomials
// are minimax (Remez exchange in 50 digits on the reduced interval); the error each leaves is given beside it.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct FloatBits;
template <>
struct FloatBits<float> {
    using Int = std::int32_t;
    static constexpr int mantissa = 23;
    static constexpr Int sqrt_half = 0x3f3504f3;
};
template <>
struct FloatBits<double> {
    using Int = std::int64_t;
    static constexpr int mantissa = 52;
    static constexpr Int sqrt_half = 0x3fe6a09e667f3bcc;
};

// ln(1 + f), sqrt(1/2) - 1 <= f <= sqrt(2) - 1. Relative error 6e-9 of f before rounding.
SYNFER_DEVICE float log1p_reduced(float f) {
    float p = -7.859622812e-2f;
    p = multiply_add(p, f, 1.28816504e-1f);
    p = multiply_add(p, f, -1.312875206e-1f);
    p = multiply_add(p, f, 1.418119143e-1f);
    p = multiply_add(p, f, -1.662455427e-1f);
    p = multiply_add(p, f, 2.00022863e-1f);
    p = multiply_add(p, f, -2.50008104e-1f);
    p = multiply_add(p, f, 3.333331673e-1f);
    const float square = f * f;
    return multiply_add(square, multiply_add(p, f, -0.5f), f);
}
// The same by ln(1 + f) = 2 atanh(f / (2 + f)), for the odd series converges faster. Relative error 1e-18 before
// rounding.
SYNFER_DEVICE double log1p_reduced(double f) {
    const double s = f / (2.0 + f);
    const double z = s * s;
    double p = 0.14797508410453424787;
    p = multiply_add(p, z, 0.15313903169156026193);
    p = multiply_add(p, z, 0.18183569743210729357);
    p = multiply_add(p, z, 0.22222198475911116006);
    p = multiply_add(p, z, 0.28571428743263543611);
    p = multiply_add(p, z, 0.39999999999411087578);
    p = multiply_add(p, z, 0.66666666666667348965);
    return multiply_add(p, z * s, s + s);
}

// sin and cos of r, |r| <= pi / 4. Errors 4e-9 and 1e-10 (float), 3e-18 and 5e-20 (double) before rounding.
SYNFER_DEVICE void sincos_reduced(float r, float& sine, float& cosine) {
    const float z = r * r;
    float p = -1.95172989633e-4f;
    p = multiply_add(p, z, 8.33217814598e-3f);
    p = multiply_add(p, z, -1.66666549437e-1f);
    sine = multiply_add(p, z * r, r);
    float q = 2.44384516223e-5f;
    q = multiply_add(q, z, -1.38873675160e-3f);
    q = multiply_add(q, z, 4.16666468665e-2f);
    cosine = multiply_add(z, multiply_add(q, z, -0.5f), 1.0f);
}
SYNFER_DEVICE void sincos_reduced(double r, double& sine, double& cosine) {
    const double z = r * r;
    double p = 1.5896827941702433046e-10;
    p = multiply_add(p, z, -2.5050758653454260694e-8);
    p = multiply_add(p, z, 2.7557313695227352869e-6);
    p = multiply_add(p, z, -1.9841269829816951819e-4);
    p = multiply_add(p, z, 8.3333333333224245269e-3);
    p = multiply_add(p, z, -0.16666666666666632068);
    sine = multiply_add(p, z * r, r);
    double q = -1.1359669900043156257e-11;
    q = multiply_add(q, z, 2.0875723685049795351e-9);
    q = multiply_add(q, z, -2.7557314355246325115e-7);
    q = multiply_add(q, z, 2.4801587289491842757e-5);
    q = multiply_add(q, z, -1.388888888887413866e-3);
    q = multiply_add(q, z, 4.1666666666666599556e-2);
    cosine = multiply_add(z, multiply_add(q, z, -0.5), 1.0);
}

// x, or -x where the second bit of the quadrant is set.
template <class T>
SYNFER_DEVICE T with_sign_of(T x, std::uint32_t quadrant) {
    using Int = typename FloatBits<T>::Int;
    Int bits;
    __builtin_memcpy(&bits, &x, sizeof(T));
    bits ^= static_cast<Int>(quadrant & 2u) << (8 * sizeof(T) - 2);
    __builtin_memcpy(&x, &bits, sizeof(T));
    return x;
}

// sin and cos of 2 pi w / 2^32.
template <class T>
SYNFER_DEVICE void sincos_turns(std::uint32_t w, T& sine, T& cosine) {
    // quadrant * pi / 2 + r, |r| <= pi / 4, split in integers and so without rounding.
    const std::uint32_t quadrant = (w + 0x20000000u) >> 30;
    const std::int32_t remainder = static_cast<std::int32_t>(w - (quadrant << 30));
    T s, c;
    sincos_reduced(static_cast<T>(remainder) * T(1.46291807926715968105e-9), s, c);  // pi / 2^31
    const bool swapped = (quadrant & 1u) != 0;
    const T along = swapped ? s : c;
    const T across = swapped ? c : s;
    cosine = with_sign_of(along, quadrant + 1u);
    sine = with_sign_of(across, quadrant);
}

template <class T>
SYNFER_DEVICE void box_muller(std::uint32_t w0, std::uint32_t w1, T& z0, T& z1) {
    using Bits = FloatBits<T>;
    using Int = typename Bits::Int;
    constexpr T unit = T(1) / T(2147483648.0);  // 2^-31

    // ln x, x = 2^exponent (1 + f). Near x = 1 the float x has lost what ln x is made of; there f = x - 1 is taken
    // from the integer.
    const std::int32_t k = static_cast<std::int32_t>(w0 >> 1);
    const T x = multiply_add(static_cast<T>(k), unit, T(0.5) * unit);
    Int bits;
    __builtin_memcpy(&bits, &x, sizeof(T));
    const Int exponent = (bits - Bits::sqrt_half) >> Bits::mantissa;
    bits -= static_cast<Int>(static_cast<typename Bits::Int>(exponent) * (Int{1} << Bits::mantissa));
    T significand;
    __builtin_memcpy(&significand, &bits, sizeof(T));
    const T below_one = multiply_add(static_cast<T>(0x7fffffff - k), unit, T(0.5) * unit);
    const T f = exponent == 0 ? -below_one : significand - T(1);
    const T log_x = multiply_add(static_cast<T>(exponent), T(0.693147180559945309417), log1p_reduced(f));
    const T radius = square_root_in_range(T(-2) * log_x);  // 2^-31 to 45

    T sine, cosine;
    sincos_turns(w1, sine, cosine);
    z0 = radius * cosine;
    z1 = radius * sine;
}

}  // namespace synfer::SYNFER_LEVEL
