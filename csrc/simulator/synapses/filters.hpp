#pragma once
#include "common/level.hpp"

// How a current that decays in a step acts on what integrates it: the constant current that, acting for the whole step,
// leaves v where the decaying one does. With x = dt / tau_m of the membrane and y = dt / tau of the synapse,
//     v(dt) - decay v(0)  ~  int_0^dt e^{-(dt - s) / tau_m} i(s) ds;
// for i = e^{-s / tau} and for i = e (s / tau) e^{-s / tau}, over that of i = 1, these are
//     phi1(x - y) / phi1(x)  and  e y phi2(x - y) / phi1(x),   phi1(z) = int_0^1 e^{z t} dt,  phi2(z) = int_0^1 t e^{z
//     t} dt.
// Without a membrane of that kind x = 0: the mean of the current over the step. Exact integration as in S. Rotter,
// M. Diesmann, Biol. Cybern. 81 (1999), 381-402, and without their case apart where both time constants are equal.

namespace synfer::SYNFER_LEVEL {

inline double filter_series(double z, int power) {
    double term = 1.0, sum = 0.0;
    for (int n = 0; n < 20; ++n) {
        sum += term / (n + power);
        term *= z / (n + 1);
    }
    return sum;
}

inline double phi1(double z) { return z > -0.5 && z < 0.5 ? filter_series(z, 1) : __builtin_expm1(z) / z; }
inline double phi2(double z) {
    return z > -0.5 && z < 0.5 ? filter_series(z, 2) : (__builtin_exp(z) * (z - 1.0) + 1.0) / (z * z);
}

// tau_m = 0: the mean
inline double exponential_factor(double tau, double tau_m, double dt) {
    const double x = tau_m > 0.0 ? dt / tau_m : 0.0;
    return phi1(x - dt / tau) / phi1(x);
}
inline double alpha_factor(double tau, double tau_m, double dt) {
    const double x = tau_m > 0.0 ? dt / tau_m : 0.0;
    return 2.71828182845904523536 * dt / tau * phi2(x - dt / tau) / phi1(x);
}

}  // namespace synfer::SYNFER_LEVEL
