#pragma once
#include "common/level.hpp"
#include "simulator/simulate.hpp"

// E. N. Lorenz, "Predictability: a problem partly solved", Seminar on Predictability, ECMWF (1996):
//     dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F + I_i,   indices mod N, N >= 4,
// in Lorenz's unit of time, taken for a second. A step is one of the classical fourth-order Runge and Kutta, I_i
// constant in it; then noise_i sqrt(dt) z is added, z standard normal.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct Lorenz96 {
    static constexpr const char* name = "lorenz96";
    static constexpr Described parameters[] = {{"F", 8.0, "1"}, {"noise", 0.0, "1/sqrt(s)", Range::not_negative}};
    static constexpr Described states[] = {{"x", 8.0, "1"}};

    // Slope at the unit that `x` points to, its neighbours around it.
    static SYNFER_DEVICE T slope(const T* x, T force) { return multiply_add(x[1] - x[-2], x[-1], force - x[0]); }
};

}  // namespace synfer::SYNFER_LEVEL
