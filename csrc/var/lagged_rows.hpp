#pragma once
#include <cstddef>

#include "var/triangular_factor.hpp"

namespace synfer::var {

// A signal as its owner holds it: never copied, cast a block at a time.
struct Signal {
    const char* data;            // sample (0, 0)
    Eigen::Index n_samples;      // time
    Eigen::Index n_units;        // unit
    std::ptrdiff_t time_stride;  // bytes from a sample to the next
    std::ptrdiff_t unit_stride;  // bytes from a unit to the next
    bool single;                 // float32, else float64
};

// Number of columns of the regression on n_lags lags: [1, x(t-1), ..., x(t-n_lags), x(t)], units within each lag.
inline Eigen::Index n_columns(Eigen::Index n_units, Eigen::Index n_lags) { return 1 + n_units * (n_lags + 1); }

// Appends that regression's rows t = first .. stop-1 to the factor, a block of rows at a time: the lag matrix is never
// held. With the target last and lags in order, the factor's leading columns are the factor of every lower order on the
// same rows. Needs n_lags <= first <= stop <= n_samples and a factor (n_columns, n_columns). A function of its other
// arguments alone: the same bits for any number of threads.
void append_lagged_rows(MatrixView factor, const Signal& signal, Eigen::Index n_lags, Eigen::Index first,
                        Eigen::Index stop, int n_threads);

}  // namespace synfer::var
