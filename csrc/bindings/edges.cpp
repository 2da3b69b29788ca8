// Lists of edges as the simulator takes them. What indexes memory cannot be changed any more once it is made here, so
// that it need not be copied to be safe.
#include <algorithm>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/pooled.hpp"
#include "simulator/edge_lists.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

template <class T>
py::tuple edge_lists(const py::array& source, const py::array& target, const py::array& strength,
                     std::int64_t n_sources, std::int64_t n_units, bool placed) {
    const py::ssize_t n = source.size();
    const std::int64_t* from = data_of<std::int64_t>(source, "source", {n}, false);
    const std::int64_t* to = data_of<std::int64_t>(target, "target", {n}, false);
    const T* strengths = data_of<T>(strength, "strength", {n}, false);
    const auto within = [n](const std::int64_t* units, std::int64_t limit) {
        std::int64_t lowest = 0, highest = -1;
        for (py::ssize_t i = 0; i < n; ++i) lowest = std::min(lowest, units[i]), highest = std::max(highest, units[i]);
        return lowest >= 0 && highest < limit;
    };
    if (n_sources < 0 || n_units < 0 || n_units > 0xffffffff || n_sources > 0xffffffff || !within(from, n_sources) ||
        !within(to, n_units))
        throw py::value_error("source or target out of range");
    py::array starts = pooled<std::int64_t>({n_sources + 1}), targets = pooled<std::uint32_t>({n});
    py::array sorted = pooled<T>({n}), places = pooled<std::int64_t>({placed ? n : 0});
    const EdgeLists<T> lists{
        static_cast<std::int64_t*>(starts.mutable_data()), static_cast<std::uint32_t*>(targets.mutable_data()),
        static_cast<T*>(sorted.mutable_data()), placed ? static_cast<std::int64_t*>(places.mutable_data()) : nullptr};
    {
        const py::gil_scoped_release released;
        sort_edges(from, to, strengths, n, n_sources, lists);
    }
    return py::make_tuple(frozen(starts), frozen(targets), sorted, placed ? py::object(places) : py::none());
}

// By target, target after target, and each target's in the order of the list.
py::tuple edges_by_target(const py::array& starts, const py::array& targets, std::int64_t n_units) {
    const py::ssize_t n_sources = starts.size() - 1, n = targets.size();
    const std::int64_t* start = data_of<std::int64_t>(starts, "starts", {n_sources + 1}, false);
    const std::uint32_t* target = data_of<std::uint32_t>(targets, "targets", {n}, false);
    if (n_units < 1 || n_sources < 0 || n_sources % n_units != 0 || start[0] != 0 || start[n_sources] != n)
        throw py::value_error("starts do not cut the targets by source");
    for (py::ssize_t j = 0; j < n_sources; ++j) {
        if (start[j] > start[j + 1]) throw py::value_error("starts do not cut the targets by source");
    }
    for (py::ssize_t i = 0; i < n; ++i) {
        if (target[i] >= n_units) throw py::value_error("a target is no unit");
    }
    py::array in_starts = pooled<std::int64_t>({n_sources + 1}), in_edges = pooled<std::int64_t>({n});
    py::array in_sources = pooled<std::uint32_t>({n});
    auto* first = static_cast<std::int64_t*>(in_starts.mutable_data());
    auto* edges = static_cast<std::int64_t*>(in_edges.mutable_data());
    auto* sources = static_cast<std::uint32_t*>(in_sources.mutable_data());
    {
        const py::gil_scoped_release released;
        const auto each = [&](auto&& act) {  // edge, its source and its target among all networks' units
            for (std::int64_t j = 0; j < n_sources; ++j) {
                for (std::int64_t edge = start[j]; edge < start[j + 1]; ++edge)
                    act(edge, j, j / n_units * n_units + static_cast<std::int64_t>(target[edge]));
            }
        };
        std::fill_n(first, n_sources + 1, 0);
        each([&](std::int64_t, std::int64_t, std::int64_t i) { ++first[i + 1]; });
        for (std::int64_t i = 0; i < n_sources; ++i) first[i + 1] += first[i];
        std::vector<std::int64_t> next(first, first + n_sources);
        each([&](std::int64_t edge, std::int64_t j, std::int64_t i) {
            const std::int64_t place = next[static_cast<std::size_t>(i)]++;
            edges[place] = edge;
            sources[place] = static_cast<std::uint32_t>(j % n_units);
        });
    }
    return py::make_tuple(frozen(in_starts), frozen(in_edges), frozen(in_sources));
}

}  // namespace

void bind_edges(py::module_& m) {
    m.def(
        "edge_lists",
        [](const py::array& source, const py::array& target, const py::array& strength, std::int64_t n_sources,
           std::int64_t n_units, bool placed) {
            return is_single(strength, "strength")
                       ? edge_lists<float>(source, target, strength, n_sources, n_units, placed)
                       : edge_lists<double>(source, target, strength, n_sources, n_units, placed);
        },
        py::arg("source"), py::arg("target"), py::arg("strength"), py::arg("n_sources"), py::arg("n_units"),
        py::arg("placed"),
        "Edges by source, then target: (starts (source + 1), targets, strengths, and if placed where each stood). "
        "Sources are counted over all networks, targets in theirs.");
    m.def("edges_by_target", &edges_by_target, py::arg("starts"), py::arg("targets"), py::arg("n_units"),
          "The same edges by target: (starts (target + 1) over all networks, places in the list, sources).");
}

}  // namespace synfer
