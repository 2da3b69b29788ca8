#pragma once
#include "common/level.hpp"
#include "simulator/wiring.hpp"

// Short-term plasticity (M. Tsodyks, K. Pawelzik, H. Markram, Neural Comput. 10 (1998), 821-835). Between spikes of the
// source
//     u' = -u / facilitation,   x' = (1 - x) / recovery;
// at a spike u <- u + U (1 - u), then W u x goes out, then x <- x (1 - u). Exact: taken from spike to spike.

namespace synfer::SYNFER_LEVEL {

// u x of a spike at `step`; the states of one source lie `stride` apart.
inline double released(const ShortTerm& p, double* state, std::int64_t stride, std::int64_t step, double dt) {
    const double gap = (static_cast<double>(step) - state[2 * stride]) * dt;
    double u = p.facilitation > 0.0 ? state[0] * __builtin_exp(-gap / p.facilitation) : 0.0;
    const double x = 1.0 + (state[stride] - 1.0) * __builtin_exp(-gap / p.recovery);
    u += p.baseline * (1.0 - u);
    state[0] = u;
    state[stride] = x - u * x;
    state[2 * stride] = static_cast<double>(step);
    return u * x;
}

}  // namespace synfer::SYNFER_LEVEL
