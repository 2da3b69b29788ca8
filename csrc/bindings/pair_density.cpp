// Densities of pairs: numpy buffers in, a pooled array (pair, lag, point, point) out.
#include <pybind11/numpy.h>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/pooled.hpp"
#include "pair_density/joint_density.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

py::array joint_density(const py::array& samples, const py::array& grid, const py::array& bandwidth,
                        const py::array& segment, const py::array& source, const py::array& target,
                        const py::array& lag, int n_threads) {
    if (samples.ndim() != 2 || grid.ndim() != 2 || segment.ndim() != 1 || source.ndim() != 1 || lag.ndim() != 1) {
        throw py::value_error("samples (time, unit), grid (unit, point), segment, source and lag are vectors");
    }
    const py::ssize_t n_samples = samples.shape(0), n_units = samples.shape(1), n_points = grid.shape(1);
    const py::ssize_t n_pairs = source.shape(0), n_lags = lag.shape(0), n_bounds = segment.shape(0);
    if (n_threads < 1) throw py::value_error("n_threads < 1");
    if (n_points < 1 || n_bounds < 2) throw py::value_error("grid has no point, or segment no two bounds");
    const pair_density::Signal signal{data_of<float>(samples, "samples", {n_samples, n_units}, false),
                                      data_of<float>(grid, "grid", {n_units, n_points}, false),
                                      data_of<float>(bandwidth, "bandwidth", {n_units}, false),
                                      data_of<std::int64_t>(segment, "segment", {n_bounds}, false),
                                      n_samples,
                                      n_units,
                                      n_points,
                                      n_bounds - 1};
    const pair_density::Pairs pairs{data_of<std::int64_t>(source, "source", {n_pairs}, false),
                                    data_of<std::int64_t>(target, "target", {n_pairs}, false),
                                    data_of<std::int64_t>(lag, "lag", {n_lags}, false), n_pairs, n_lags};
    py::ssize_t longest = 0;
    for (py::ssize_t s = 0; s < signal.n_segments; ++s) {
        if (signal.segment[s] < 0 || signal.segment[s] > signal.segment[s + 1]) {
            throw py::value_error("segment's bounds decrease");
        }
        longest = std::max<py::ssize_t>(longest, signal.segment[s + 1] - signal.segment[s]);
    }
    if (signal.segment[n_bounds - 1] > n_samples) throw py::value_error("segment reaches beyond samples");
    for (py::ssize_t l = 0; l < n_lags; ++l) {
        if (pairs.lag[l] < 0 || pairs.lag[l] >= longest) throw py::value_error("a lag fits into no segment");
    }
    for (py::ssize_t p = 0; p < n_pairs; ++p) {
        if (pairs.source[p] < 0 || pairs.source[p] >= n_units || pairs.target[p] < 0 || pairs.target[p] >= n_units) {
            throw py::value_error("source and target must be units");
        }
    }
    py::array out = pooled<float>({n_pairs, n_lags, n_points, n_points});
    float* made = static_cast<float*>(out.mutable_data());
    {
        py::gil_scoped_release release;
        pair_density::joint_density(signal, pairs, made, n_threads);
    }
    return out;
}

}  // namespace

void bind_pair_density(py::module_& m) {
    m.def(
        "joint_density", &joint_density, py::arg("samples"), py::arg("grid"), py::arg("bandwidth"), py::arg("segment"),
        py::arg("source"), py::arg("target"), py::arg("lag"), py::arg("n_threads") = 1,
        "Kernel densities (pair, lag, source's point, target's point) of float32 samples (time, unit) on grids (unit, "
        "point), products within segments alone.");
}

}  // namespace synfer
