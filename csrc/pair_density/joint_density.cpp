#include "pair_density/joint_density.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <vector>

namespace synfer::pair_density {
namespace {

using Values = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<Values>;
using Rows = Eigen::Map<Values, 0, Eigen::OuterStride<>>;
using Aligned = Eigen::Map<Eigen::ArrayXf, Eigen::Aligned16>;

constexpr Index kBlock = 512;  // samples whose kernels are held at once: of 100 units and 32 points, 7 MB

// From a row of kernels to the next: whole vectors, or which exponentials are computed four at once, to slightly other
// bits than one by one, would hang on where a row lies.
Index stride(Index n_points) { return (n_points + 3) / 4 * 4; }

// Kernels (time, point) of samples first .. last - 1 of one unit, rows a stride apart.
void kernels(const Signal& signal, Index unit, Index first, Index last, float* out) {
    const Index n = signal.n_points, width = stride(n);
    const float h = signal.bandwidth[unit];
    const float level = 1.0f / (std::sqrt(2.0f * 3.14159265358979f) * h), narrow = -0.5f / (h * h);
    Eigen::ArrayXf points = Eigen::ArrayXf::Zero(width);
    std::copy_n(signal.grid + unit * n, n, points.data());
    for (Index t = first; t < last; ++t) {
        const float x = signal.samples[t * signal.n_units + unit];
        Aligned(out + (t - first) * width, width) = level * ((points - x).square() * narrow).exp();
    }
}

// act(0) to act(n - 1), shared among threads. An exception, such as for want of memory, must not leave the parallel
// region: it is thrown behind it.
template <class Do>
void each(Index n, int n_threads, Do&& act) {
    std::exception_ptr failure;
#pragma omp parallel for schedule(static) num_threads(n_threads) if (n_threads > 1)
    for (Index i = 0; i < n; ++i) {
        try {
            act(i);
        } catch (...) {
#pragma omp critical(synfer_pair_density_failure)
            failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace

void joint_density(const Signal& signal, const Pairs& pairs, float* out, int n_threads) {
    const Index n = signal.n_points, square = n * n, width = stride(n);
    std::fill_n(out, pairs.n_pairs * pairs.n_lags * square, 0.0f);
    // Units that occur, in places of their own: a batch of a few pairs among thousands of units costs what it holds.
    std::vector<Index> place(signal.n_units, -1), units;
    for (Index p = 0; p < pairs.n_pairs; ++p) {
        for (const std::int64_t unit : {pairs.source[p], pairs.target[p]}) {
            if (place[unit] < 0) {
                place[unit] = static_cast<Index>(units.size());
                units.push_back(unit);
            }
        }
    }
    Index longest = 0;
    for (Index l = 0; l < pairs.n_lags; ++l) longest = std::max<Index>(longest, pairs.lag[l]);
    const Index n_used = static_cast<Index>(units.size()), rows = kBlock + longest;
    std::vector<float> held(static_cast<std::size_t>(n_used) * rows * width);
    std::vector<Index> counted(pairs.n_lags, 0);
    for (Index s = 0; s < signal.n_segments; ++s) {
        const Index begin = signal.segment[s], end = signal.segment[s + 1];
        for (Index l = 0; l < pairs.n_lags; ++l) counted[l] += std::max<Index>(0, end - begin - pairs.lag[l]);
        for (Index first = begin; first < end; first += kBlock) {
            // Sources of this block, and the targets that follow them.
            const Index stop = std::min(first + kBlock, end), last = std::min(stop + longest, end);
            each(n_used, n_threads,
                 [&](Index u) { kernels(signal, units[u], first, last, held.data() + u * rows * width); });
            each(pairs.n_pairs, n_threads, [&](Index p) {
                float* source = held.data() + place[pairs.source[p]] * rows * width;
                float* target = held.data() + place[pairs.target[p]] * rows * width;
                for (Index l = 0; l < pairs.n_lags; ++l) {
                    const Index lag = pairs.lag[l], products = std::min(stop, last - lag) - first;
                    if (products <= 0) continue;
                    View(out + (p * pairs.n_lags + l) * square, n, n).noalias() +=
                        Rows(source, products, n, Eigen::OuterStride<>(width)).transpose() *
                        Rows(target + lag * width, products, n, Eigen::OuterStride<>(width));
                }
            });
        }
    }
    each(pairs.n_pairs, n_threads, [&](Index p) {
        for (Index l = 0; l < pairs.n_lags; ++l) {
            View(out + (p * pairs.n_lags + l) * square, n, n) *= 1.0f / static_cast<float>(counted[l]);
        }
    });
}

}  // namespace synfer::pair_density
