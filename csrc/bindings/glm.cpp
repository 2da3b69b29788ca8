// Generalised linear models of spike trains: numpy buffers in, coefficients and their information out.
#include <pybind11/numpy.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <stdexcept>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "glm/point_process.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

using Integers = py::array_t<std::int64_t, py::array::c_style>;
using Doubles = py::array_t<double, py::array::c_style>;

py::tuple fit(const Integers& targets, const Integers& bin, const Integers& unit, const Doubles& count,
              const Integers& stop, py::ssize_t n_units, const py::array_t<double, py::array::f_style>& basis,
              const Doubles& counts, const py::array_t<std::uint8_t, py::array::c_style>& used,
              const Doubles& covariates, bool bernoulli, double ridge, double own_ridge, double tolerance, int max_iter,
              py::ssize_t curvature_rows, int n_threads) {
    const py::ssize_t n = bin.size();
    if (counts.ndim() != 2 || used.ndim() != 2 || used.shape(0) != counts.shape(0) ||
        used.shape(1) != counts.shape(1) || unit.size() != n || count.size() != n || stop.size() != n ||
        targets.size() != counts.shape(0) || basis.ndim() != 2 || n_threads < 1) {
        throw std::invalid_argument("events (event), counts and used (target, bin), basis (window, function)");
    }
    const py::ssize_t n_targets = counts.shape(0), n_bins = counts.shape(1);
    if (covariates.ndim() != 3 || (covariates.shape(0) != 1 && covariates.shape(0) != n_targets) ||
        covariates.shape(2) != n_bins) {
        throw std::invalid_argument("covariates (1 or target, covariate, bin)");
    }
    const py::ssize_t n_covariates = covariates.shape(1);
    const py::ssize_t apart = covariates.shape(0) == 1 ? 0 : n_covariates * n_bins;
    for (py::ssize_t i = 0; i < n_targets; ++i) {
        if (targets.at(i) < 0 || targets.at(i) >= n_units) throw std::invalid_argument("targets must be known units");
    }
    for (py::ssize_t e = 0; e < n; ++e) {
        if (bin.at(e) < 0 || bin.at(e) >= n_bins || stop.at(e) > n_bins || unit.at(e) < 0 || unit.at(e) >= n_units ||
            (e > 0 && bin.at(e) < bin.at(e - 1))) {
            throw std::invalid_argument("events must be of known units and bins, in order of bins");
        }
    }
    const glm::Problem problem{{n, bin.data(), unit.data(), count.data(), stop.data(), n_bins, n_units},
                               Eigen::Map<const glm::Matrix>(basis.data(), basis.shape(0), basis.shape(1)),
                               bernoulli ? glm::Family::bernoulli : glm::Family::poisson,
                               ridge,
                               own_ridge,
                               tolerance,
                               max_iter,
                               curvature_rows,
                               n_covariates};
    std::vector<glm::Fit> fits(n_targets);
    std::exception_ptr failure;  // an exception, such as for want of memory, must not leave the parallel region
    {
        py::gil_scoped_release release;
        const std::int64_t* units = targets.data();
        const glm::Matrix common = glm::common_curvature(problem);
        const double* y = counts.data();
        const std::uint8_t* mask = used.data();
        const double* z = n_covariates == 0 ? nullptr : covariates.data();
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads) if (n_threads > 1)
        for (py::ssize_t i = 0; i < n_targets; ++i) {
            try {
                fits[i] = glm::fit_target(problem, units[i], y + i * n_bins, mask + i * n_bins, common,
                                          z == nullptr ? nullptr : z + i * apart);
            } catch (...) {
#pragma omp critical(synfer_glm_failure)
                failure = std::current_exception();
            }
        }
    }
    if (failure) std::rethrow_exception(failure);
    const py::ssize_t k = 1 + n_units * basis.shape(1) + n_covariates;
    Doubles coef({n_targets, k}), information({n_targets, k, k}), log_likelihood(n_targets), decrement(n_targets);
    Integers n_iter(n_targets);
    for (py::ssize_t i = 0; i < n_targets; ++i) {
        const glm::Fit& one = fits[i];
        std::copy_n(one.coef.data(), k, coef.mutable_data(i, 0));
        if (one.positive_definite) {
            std::copy_n(one.information.data(), k * k, information.mutable_data(i, 0, 0));
        } else {
            std::fill_n(information.mutable_data(i, 0, 0), k * k, std::nan(""));
        }
        log_likelihood.mutable_at(i) = one.log_likelihood;
        decrement.mutable_at(i) = one.decrement;
        n_iter.mutable_at(i) = one.n_iter;
    }
    return py::make_tuple(coef, information, log_likelihood, decrement, n_iter);
}

}  // namespace

void bind_glm(py::module_& m) {
    m.def("fit_point_process", &fit, py::arg("targets"), py::arg("bin"), py::arg("unit"), py::arg("count"),
          py::arg("stop"), py::arg("n_units"), py::arg("basis"), py::arg("counts"), py::arg("used"),
          py::arg("covariates"), py::arg("bernoulli"), py::arg("ridge"), py::arg("own_ridge"), py::arg("tolerance"),
          py::arg("max_iter"), py::arg("curvature_rows"), py::arg("n_threads") = 1,
          "Fit targets (target, bin) on the events of all units; gives coef (target, column), information (target, "
          "column, column; NaN where singular), log-likelihood, Newton decrement and iterations (target).");
}

}  // namespace synfer
