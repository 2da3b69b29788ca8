#pragma once
#include "common/vector_exponential.hpp"

namespace synfer::SYNFER_LEVEL {

// Phi(u) and phi(u) of the standard normal law, the one exponential serving both. Phi(-|u|) = P(t) exp(-u^2 / 2) with
// t = 1 / (1 + .2263 |u|), P minimax: relative error 4e-8 before rounding.
SYNFER_DEVICE void normal_law(Vector<float> u, Vector<float>& distribution, Vector<float>& density) {
    const Vector<float> one = broadcast(1.0f);
    const Vector<float> e = exponential(u * u, broadcast(-0.72134752f));  // -1/2 / ln 2
    const Vector<float> size = u < Vector<float>{} ? -u : u;
    const Vector<float> t = one / multiply_add(size, broadcast(0.22627417f), one);
    constexpr float coefficients[] = {-8.920824204e-02f, 3.567678405e-01f,  -3.959332566e-01f,
                                      4.166737269e-01f,  -1.018778359e-01f, 1.434485243e-01f,
                                      7.858495285e-02f,  9.161090662e-02f,  -6.659483922e-05f};
    Vector<float> p = broadcast(coefficients[0]);
    for (int k = 1; k < 9; ++k) p = multiply_add(p, t, broadcast(coefficients[k]));
    const Vector<float> tail = p * e;
    distribution = u < Vector<float>{} ? tail : one - tail;
    density = e * 0.39894228f;
}
SYNFER_DEVICE void normal_law(Vector<double> u, Vector<double>& distribution, Vector<double>& density) {
    density = exponential(u * u, broadcast(-0.72134752044448170368)) * 0.39894228040143267794;
    for (int i = 0; i < lanes<double>; ++i) distribution[i] = 0.5 * __builtin_erfc(u[i] * -0.70710678118654752440);
}

}  // namespace synfer::SYNFER_LEVEL
