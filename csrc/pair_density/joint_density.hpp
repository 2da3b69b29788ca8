#pragma once
#include <Eigen/Core>
#include <cstdint>

// Densities of two variables on a grid, for many ordered pairs at once:
//
//   f(a, b) = 1/n sum_t K_j(x_a, X_j(t)) K_i(y_b, X_i(t + lag)),   K_u(g, x) = exp(-(g - x)^2 / 2 h_u^2) / (sqrt(2 pi)
//   h_u)
//
// with (j, i) = (source, target), grids of each unit's own and n the number of products that lie within one segment.
// The kernel separates, so that a pair is a product of matrices (grid, time) (time, grid), a block of samples at a
// time: memory does not grow with the length of the recording.
namespace synfer::pair_density {

using Index = Eigen::Index;

struct Signal {
    const float* samples;         // (time, unit)
    const float* grid;            // (unit, point)
    const float* bandwidth;       // (unit), above 0
    const std::int64_t* segment;  // (segment + 1): segment s is samples segment[s] .. segment[s + 1] - 1
    Index n_samples, n_units, n_points, n_segments;
};

struct Pairs {
    const std::int64_t* source;  // (pair)
    const std::int64_t* target;  // (pair)
    const std::int64_t* lag;     // (lag), samples from source to target, at least 0
    Index n_pairs, n_lags;
};

// out (pair, lag, source's point, target's point). A pair's density is a function of the signal and of that pair alone:
// the same bits for any number of threads and any cut of the pairs. Every lag must fit into some segment.
void joint_density(const Signal& signal, const Pairs& pairs, float* out, int n_threads);

}  // namespace synfer::pair_density
