#pragma once
#include <pybind11/stl.h>

#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/arrays.hpp"
#include "simulator/simulate.hpp"
#include "simulator/streams.hpp"

// What the simulations of all kinds of models take alike.

namespace synfer {

// (name, default value, unit, range) of each
inline pybind11::list described(const Described* things, int n) {
    pybind11::list all;
    constexpr const char* ranges[] = {"any", "not negative", "positive"};
    for (int i = 0; i < n; ++i) {
        const char* range = ranges[static_cast<int>(things[i].range)];
        all.append(pybind11::make_tuple(things[i].name, things[i].value, things[i].unit, range));
    }
    return all;
}

using MaybeArray = std::optional<pybind11::array>;
// Kind, parameters (network, parameter, unit) in float64, state, thresholds, replayed array: see simulator/drive.hpp.
using BoundTerm = std::tuple<std::string, MaybeArray, MaybeArray, MaybeArray, MaybeArray>;

template <class T>
DriveTerm<T> drive_term(const BoundTerm& bound, pybind11::ssize_t n_networks, pybind11::ssize_t n_units,
                        pybind11::ssize_t n_replayed) {
    const auto& [name, parameters, state, thresholds, replayed] = bound;
    int kind = 0;
    while (kind < n_drive_kinds && name != drive_names[kind]) ++kind;
    if (kind == n_drive_kinds) throw pybind11::key_error("no drive '" + name + "'");
    DriveTerm<T> term{};
    term.kind = static_cast<DriveKind>(kind);
    const auto given = [&](const MaybeArray& array, const char* what) -> const pybind11::array& {
        if (!array) throw pybind11::value_error("drive " + name + " without " + what);
        return *array;
    };
    if (n_drive_parameters[kind] > 0) {
        const Shape shape = {n_networks, n_drive_parameters[kind], n_units};
        term.parameters = data_of<double>(given(parameters, "parameters"), "drive's parameters", shape, false);
    }
    if (term.kind == DriveKind::ornstein_uhlenbeck)
        term.state = data_of<T>(given(state, "state"), "drive's state", {n_networks, n_units}, true);
    if (term.kind == DriveKind::shared_ornstein_uhlenbeck)
        term.state = data_of<T>(given(state, "state"), "drive's state", {n_networks}, true);
    if (term.kind == DriveKind::poisson) {
        const pybind11::array& table = given(thresholds, "thresholds");
        if (table.ndim() != 3)
            throw pybind11::value_error("thresholds are not (network, threshold, unit) or (1, threshold, 1)");
        term.n_thresholds = table.shape(1);
        term.one_rate = table.shape(0) == 1 && table.shape(2) == 1;
        const Shape shape = {term.one_rate ? 1 : n_networks, term.n_thresholds, term.one_rate ? 1 : n_units};
        term.thresholds = data_of<std::uint32_t>(table, "thresholds", shape, false);
    }
    if (term.kind == DriveKind::replayed) {
        const pybind11::array& array = given(replayed, "array");
        if (array.ndim() == 2) {
            term.replayed = data_of<T>(array, "drive", {n_replayed, n_units}, false);
        } else {
            term.replayed = data_of<T>(array, "drive", {n_networks, n_replayed, n_units}, false);
            term.replayed_stride = n_replayed * n_units;
        }
    }
    return term;
}

// A Drive and the memory it points into.
template <class T>
struct BoundDrive {
    std::vector<DriveTerm<T>> terms;
    Drive<T> drive{};

    // Replayed arrays must reach over the steps [from, to), `from` at least 0.
    BoundDrive(const std::vector<BoundTerm>& bound, const pybind11::array& ids, std::uint64_t seed,
               pybind11::ssize_t n_networks, pybind11::ssize_t n_units, std::int64_t from, std::int64_t to) {
        if (bound.size() > max_drive_terms) throw pybind11::value_error("too many terms of the drive");
        for (const BoundTerm& term : bound) terms.push_back(drive_term<T>(term, n_networks, n_units, to - from));
        drive = {terms.data(), static_cast<int>(terms.size()), from, seed,
                 data_of<std::uint32_t>(ids, "ids", {n_networks}, false)};
    }
};

}  // namespace synfer
