#include "var/lagged_rows.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <vector>

namespace synfer::var {
namespace {

using Eigen::Index;

constexpr Index kBlock = 256;  // rows: a block and its reflectors stay in the second-level cache up to some 500 columns
constexpr Index kMostShares = 16;
constexpr Index kShareMemory = Index{1} << 26;  // numbers in all shares' factors together: 512 MB

// Rows are cut into shares by their number alone, never by the number of threads: the same bits whoever computes them.
// A share of 4 rows a column makes joining its factor (2/3 columns^3 operations) a tenth of its work (2 rows
// columns^2).
Index count_shares(Index n_rows, Index n_columns) {
    const Index most = std::min(kMostShares, kShareMemory / (n_columns * n_columns));
    return std::max<Index>(1, std::min(most, n_rows / (4 * n_columns)));
}

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

// One thread's share: rows t = first .. stop-1.
void append_share(MatrixView factor, const Signal& signal, Index n_lags, Index first, Index stop) {
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
        append_rows(factor, rows);
    }
}

}  // namespace

void append_lagged_rows(MatrixView factor, const Signal& signal, Index n_lags, Index first, Index stop,
                        [[maybe_unused]] int n_threads) {
    const Index n_shares = count_shares(stop - first, factor.cols());
    if (n_shares == 1) {
        append_share(factor, signal, n_lags, first, stop);
        return;
    }
    std::vector<Matrix> shares(n_shares, Matrix::Zero(factor.rows(), factor.cols()));
    const auto begin = [&](Index share) { return first + (stop - first) * share / n_shares; };
    std::exception_ptr failure;  // an exception, such as for want of memory, must not leave the parallel region
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads) if (n_threads > 1)
    for (Index share = 0; share < n_shares; ++share) {
        try {
            append_share(shares[share], signal, n_lags, begin(share), begin(share + 1));
        } catch (...) {
#pragma omp critical(synfer_lagged_rows_failure)
            failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
    for (Matrix& share : shares) {
        append_rows(factor, share, Shape::triangle);
    }
}

}  // namespace synfer::var
