// Vector autoregression: numpy buffers in, the caller's factor updated in place.
#include <pybind11/numpy.h>

#include <algorithm>
#include <stdexcept>

#include "bindings/bindings.hpp"
#include "var/lagged_rows.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

using Factor = py::array_t<double, py::array::f_style>;

var::MatrixView view(Factor& factor) {
    if (factor.ndim() != 2 || !factor.writeable()) {
        throw std::invalid_argument("a writable (row, column) array is needed");
    }
    return Eigen::Map<var::Matrix>(factor.mutable_data(), factor.shape(0), factor.shape(1));
}

void append_rows(Factor factor, const Factor& rows) {
    if (factor.ndim() != 2 || rows.ndim() != 2 || factor.shape(0) != factor.shape(1) ||
        factor.shape(1) != rows.shape(1)) {
        throw std::invalid_argument("factor (column, column) and rows (row, column) do not agree");
    }
    var::MatrixView R = view(factor);
    var::Matrix scratch = Eigen::Map<const var::Matrix>(rows.data(), rows.shape(0), rows.shape(1));
    py::gil_scoped_release release;
    var::append_rows(R, scratch);
}

void append_lagged_rows(Factor factor, const py::array& samples, py::ssize_t n_lags, py::ssize_t first,
                        py::ssize_t stop, int n_threads) {
    const bool single = py::isinstance<py::array_t<float>>(samples);
    if (samples.ndim() != 2 || !(single || py::isinstance<py::array_t<double>>(samples))) {
        throw std::invalid_argument("samples must be float32 or float64 (time, unit)");
    }
    const var::Signal signal{static_cast<const char*>(samples.data()),
                             samples.shape(0),
                             samples.shape(1),
                             samples.strides(0),
                             samples.strides(1),
                             single};
    if (n_lags < 0 || first < n_lags || stop > signal.n_samples) {
        throw std::invalid_argument("rows must lie within n_lags <= first, stop <= time");
    }
    if (n_threads < 1) throw std::invalid_argument("n_threads < 1");
    var::MatrixView R = view(factor);
    if (R.rows() != R.cols() || R.cols() != var::n_columns(signal.n_units, n_lags)) {
        throw std::invalid_argument("factor must be square with 1 + unit (n_lags + 1) columns");
    }
    py::gil_scoped_release release;
    var::append_lagged_rows(R, signal, n_lags, first, stop, n_threads);
}

}  // namespace

void bind_var(py::module_& m) {
    m.def("append_rows", &append_rows, py::arg("factor").noconvert(), py::arg("rows"),
          "Update the triangular factor (column, column) in place by rows (row, column).");
    m.def("append_lagged_rows", &append_lagged_rows, py::arg("factor").noconvert(), py::arg("samples"),
          py::arg("n_lags"), py::arg("first"), py::arg("stop"), py::arg("n_threads") = 1,
          "Update the triangular factor in place by rows [1, x(t-1), ..., x(t-n_lags), x(t)], first <= t < stop, of "
          "samples (time, unit).");
}

}  // namespace synfer
