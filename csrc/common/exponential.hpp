#pragma once
#include <cstdint>

#include "common/level.hpp"

// e^x, written so that a loop over it vectorises; |relative error| < 2e-7 (float), 5e-16 (double). Beyond the range of
// normal numbers it stays at their ends, so that it neither overflows nor underflows; not a number where x is not one.

namespace synfer::SYNFER_LEVEL {

// e^r, |r| <= ln(2) / 2: the Taylor polynomial, whose rest is 6e-9 and 4e-18.
SYNFER_DEVICE float exp_reduced(float r) {
    float p = 1.0f / 5040;
    p = multiply_add(p, r, 1.0f / 720);
    p = multiply_add(p, r, 1.0f / 120);
    p = multiply_add(p, r, 1.0f / 24);
    p = multiply_add(p, r, 1.0f / 6);
    p = multiply_add(p, r, 0.5f);
    p = multiply_add(p, r, 1.0f);
    return multiply_add(p, r, 1.0f);
}
SYNFER_DEVICE double exp_reduced(double r) {
    double p = 1.0 / 6227020800.0;
    p = multiply_add(p, r, 1.0 / 479001600);
    p = multiply_add(p, r, 1.0 / 39916800);
    p = multiply_add(p, r, 1.0 / 3628800);
    p = multiply_add(p, r, 1.0 / 362880);
    p = multiply_add(p, r, 1.0 / 40320);
    p = multiply_add(p, r, 1.0 / 5040);
    p = multiply_add(p, r, 1.0 / 720);
    p = multiply_add(p, r, 1.0 / 120);
    p = multiply_add(p, r, 1.0 / 24);
    p = multiply_add(p, r, 1.0 / 6);
    p = multiply_add(p, r, 0.5);
    p = multiply_add(p, r, 1.0);
    return multiply_add(p, r, 1.0);
}

// With n the integer nearest x / ln 2 and r = x - n ln 2: 2^n by the exponent's bits. ln 2 is split in two, the first
// part so short that n times it is exact.
SYNFER_DEVICE float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float shifted = multiply_add(x, 1.44269504f, 12582912.0f);  // 1.5 * 2^23: the integer is in the low bits
    const float n = shifted - 12582912.0f;
    const float r = multiply_add(n, 2.12194440e-4f, multiply_add(n, -0.693359375f, x));
    std::uint32_t bits;  // unsigned: of what is not a number any bits are shifted out
    __builtin_memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4b400000u + 127u) << 23;
    float power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return exp_reduced(r) * power;
}
SYNFER_DEVICE double exponential(double x) {
    x = x < -708.0 ? -708.0 : x;
    x = x > 709.0 ? 709.0 : x;
    const double shifted = multiply_add(x, 1.4426950408889634, 6755399441055744.0);  // 1.5 * 2^52
    const double n = shifted - 6755399441055744.0;
    const double r = multiply_add(n, -1.90821492927058770002e-10, multiply_add(n, -0.693147180369123816490, x));
    std::uint64_t bits;
    __builtin_memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4338000000000000u + 1023u) << 52;
    double power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return exp_reduced(r) * power;
}

// x / (1 - e^-x), 1 at x = 0, where the quotient loses its digits: a series there.
template <class T>
SYNFER_DEVICE T linear_over_exponential(T x) {
    const T square = x * x;
    const T series =
        multiply_add(multiply_add(multiply_add(square, T(1.0 / 30240), T(-1.0 / 720)), square, T(1.0 / 12)), square,
                     T(0.5) * x + T(1));
    const bool near = square < T(0.04);
    const T safe = near ? T(1) : x;
    return near ? series : safe / (T(1) - exponential(-safe));
}

// 1 - e^-x for x >= 0, with full relative precision near 0.
template <class T>
SYNFER_DEVICE T one_minus_exponential(T x) {
    T series = multiply_add(x, T(-1.0 / 6), T(1));
    series = multiply_add(x * series, T(-1.0 / 5), T(1));
    series = multiply_add(x * series, T(-1.0 / 4), T(1));
    series = multiply_add(x * series, T(-1.0 / 3), T(1));
    series = multiply_add(x * series, T(-1.0 / 2), T(1));
    return x < T(0.1) ? x * series : T(1) - exponential(-x);
}

}  // namespace synfer::SYNFER_LEVEL
