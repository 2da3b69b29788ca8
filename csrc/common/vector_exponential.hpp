#pragma once
#include "common/vector.hpp"

namespace synfer::SYNFER_LEVEL {

// exp(slope * x) for slope * x <= 0 or so, 0 where it is less than 2e-38; not a number where x is not one.
// With n the integer nearest slope * x / ln 2: 2^n by the exponent's bits, 2^f, |f| <= 1/2, by a polynomial.
// `slope` is given divided by ln 2.
SYNFER_DEVICE Vector<float> exponential(Vector<float> x, Vector<float> slope) {
    const Vector<float> magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    const Vector<float> shifted = multiply_add(x, slope, magic);
    const Vector<float> n = shifted - magic;
    const Vector<float> f = multiply_add(x, slope, -n);
    // Minimax with p(0) = 1, so that a lone key has weight 1; relative error 1.5e-8 before rounding. (A degree less has
    // 9e-8, of the same sign for neighbouring f: it would show in the mean over heads.)
    Vector<float> p = broadcast(1.53551402e-4f);
    p = multiply_add(p, f, broadcast(1.33989367e-3f));
    p = multiply_add(p, f, broadcast(9.61842947e-3f));
    p = multiply_add(p, f, broadcast(5.55033237e-2f));
    p = multiply_add(p, f, broadcast(2.40226477e-1f));
    p = multiply_add(p, f, broadcast(6.93147182e-1f));
    p = multiply_add(p, f, broadcast(1.0f));
#if defined(__AVX512F__)
    // The same bits in two instructions fewer: p 2^n, 0 where n is less than -125, not a number where n is not.
    return (Vector<float>)_mm512_maskz_scalef_ps(_mm512_cmp_ps_mask((__m512)n, _mm512_set1_ps(-125.0f), _CMP_NLT_UQ),
                                                 (__m512)p, (__m512)n);
#else
    using Bits = VectorTypes<float>::Bits;  // unsigned: where the result is 0 in the end, the sum may overflow
    const Bits bits = (Bits)p + ((Bits)shifted << 23);
    return n < -125.0f ? Vector<float>{} : (Vector<float>)bits;
#endif
}
SYNFER_DEVICE Vector<double> exponential(Vector<double> x, Vector<double> slope) {
    const Vector<double> magic = broadcast(6755399441055744.0);  // 1.5 * 2^52
    const Vector<double> shifted = multiply_add(x, slope, magic);
    const Vector<double> n = shifted - magic;
    const Vector<double> f = multiply_add(x, slope, -n);
    // ln(2)^k / k!, k = 13 ... 0; relative error 5e-18 before rounding.
    constexpr double coefficients[] = {1.3691488853904128e-12, 2.5678435993488205e-11,
                                       4.4455382718708115e-10, 7.0549116208011233e-09,
                                       1.0178086009239699e-07, 1.3215486790144309e-06,
                                       1.5252733804059841e-05, 1.5403530393381609e-04,
                                       1.3333558146428443e-03, 9.6181291076284772e-03,
                                       5.5504108664821580e-02, 2.4022650695910071e-01,
                                       6.9314718055994531e-01, 1.0};
    Vector<double> p = broadcast(coefficients[0]);
    for (int k = 1; k < 14; ++k) p = multiply_add(p, f, broadcast(coefficients[k]));
    using Bits = VectorTypes<double>::Bits;
    const Bits bits = (Bits)p + ((Bits)shifted << 52);
    return n < -1021.0 ? Vector<double>{} : (Vector<double>)bits;
}

}  // namespace synfer::SYNFER_LEVEL
