#include "var/lagged_rows.hpp"

#include <algorithm>
#include <cstring>

namespace synfer::var {
namespace {

using Eigen::Index;

constexpr Index kBlock = 256;  // rows: a block and its reflectors stay in the second-level cache up to some 500 columns

// Samples [first, first + window.rows()) of every unit, one column a unit.
template <typename Scalar>
void read_window(const Signal& signal, Index first, MatrixView window) {
    for (Index j = 0; j < window.cols(); ++j) {
        const char* at = signal.data + first * signal.time_stride + j * signal.unit_stride;
        for (Index t = 0; t < window.rows(); ++t, at += signal.time_stride) {
            Scalar sample;
            std::memcpy(&sample, at, sizeof sample);  // numpy does not promise alignment
            window(t, j) = static_cast<double>(sample);
        }
    }
}

}  // namespace

void append_lagged_rows(MatrixView factor, const Signal& signal, Index n_lags, Index first, Index stop, int n_threads) {
    const Index height = std::min(kBlock, stop - first);
    if (height <= 0) {
        return;
    }
    Matrix window(height + n_lags, signal.n_units);
    Matrix block(height, factor.cols());
    for (Index t = first; t < stop; t += height) {
        const Index n_rows = std::min(height, stop - t);
        auto seen = window.topRows(n_rows + n_lags);
        if (signal.single) {
            read_window<float>(signal, t - n_lags, seen);
        } else {
            read_window<double>(signal, t - n_lags, seen);
        }
        auto rows = block.topRows(n_rows);
        rows.col(0).setOnes();
        for (Index lag = 0; lag <= n_lags; ++lag) {
            const Index place = lag == 0 ? n_lags : lag - 1;  // the target, lag 0, stands last
            rows.middleCols(1 + place * signal.n_units, signal.n_units) = window.middleRows(n_lags - lag, n_rows);
        }
        append_rows(factor, rows, n_threads);
    }
}

}  // namespace synfer::var
