#pragma once
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "bindings/arrays.hpp"
#include "simulator/wiring.hpp"

// A Wiring from what Python gives; what indexes memory is looked at in full.

namespace synfer {

// Of a dict, the array `name` that must be there in this type and shape.
template <class T>
T* array_in(const pybind11::dict& given, const char* name, const Shape& shape, bool written) {
    if (!given.contains(name)) throw pybind11::value_error(std::string("wiring without ") + name);
    return data_of<T>(given[name].cast<pybind11::array>(), name, shape, written);
}

inline bool has(const pybind11::dict& given, const char* name) {
    return given.contains(name) && !given[name].is_none();
}

inline pybind11::ssize_t length_in(const pybind11::dict& given, const char* name) {
    if (!has(given, name)) throw pybind11::value_error(std::string("wiring without ") + name);
    const auto array = given[name].cast<pybind11::array>();
    if (array.ndim() != 1) throw pybind11::value_error(std::string(name) + " is not one-dimensional");
    return array.shape(0);
}

// starts (n + 1) cuts a list of n_edges: it begins with 0, never falls and ends with n_edges.
inline const std::int64_t* starts_in(const pybind11::dict& given, const char* name, pybind11::ssize_t n,
                                     pybind11::ssize_t n_edges) {
    const std::int64_t* starts = array_in<std::int64_t>(given, name, {n + 1}, false);
    bool cuts = starts[0] == 0 && starts[n] == n_edges;
    for (pybind11::ssize_t i = 0; i < n; ++i) cuts = cuts && starts[i] <= starts[i + 1];
    if (!cuts) throw pybind11::value_error(std::string(name) + " does not cut the edges");
    return starts;
}

template <class U>
const U* bounded_in(const pybind11::dict& given, const char* name, pybind11::ssize_t n, std::int64_t lowest,
                    std::int64_t highest) {
    const U* values = array_in<U>(given, name, {n}, false);
    for (pybind11::ssize_t i = 0; i < n; ++i) {
        const auto value = static_cast<std::int64_t>(values[i]);
        if (value < lowest || value > highest) throw pybind11::value_error(std::string(name) + " out of range");
    }
    return values;
}

template <class T>
void bind_edges(const pybind11::dict& given, pybind11::ssize_t n_networks, pybind11::ssize_t n_units, Wiring<T>& w) {
    const pybind11::ssize_t n_edges = length_in(given, "targets"), n = n_networks * n_units;
    w.starts = starts_in(given, "starts", n, n_edges);
    w.targets = bounded_in<std::uint32_t>(given, "targets", n_edges, 0, n_units - 1);
    for (pybind11::ssize_t j = 0; j < n; ++j) {
        for (std::int64_t edge = w.starts[j] + 1; edge < w.starts[j + 1]; ++edge) {
            if (w.targets[edge - 1] >= w.targets[edge]) throw pybind11::value_error("targets are not sorted");
        }
    }
    w.strengths = array_in<T>(given, "strengths", {n_edges}, true);
    if (has(given, "delays")) w.delays = bounded_in<std::uint16_t>(given, "delays", n_edges, w.shortest, w.longest);
}

// a_plus, a_minus, tau_plus, tau_minus (ms), w_min, w_max
using BoundStdp = std::tuple<double, double, double, double, double, double>;

template <class T>
void bind_stdp(const pybind11::dict& given, pybind11::ssize_t n_networks, pybind11::ssize_t n_units, Wiring<T>& w) {
    if (w.weights != nullptr) throw pybind11::value_error("stdp without a list of edges");
    const pybind11::ssize_t n_edges = length_in(given, "targets");
    Stdp<T>& rule = w.stdp;
    const auto [a_plus, a_minus, tau_plus, tau_minus, lowest, highest] = given["stdp"].cast<BoundStdp>();
    rule.a_plus = static_cast<T>(a_plus), rule.a_minus = static_cast<T>(a_minus);
    rule.tau_plus = tau_plus, rule.tau_minus = tau_minus;
    rule.lowest = static_cast<T>(lowest), rule.highest = static_cast<T>(highest);
    rule.traces = array_in<T>(given, "traces", {n_networks, 2, n_units}, true);
    rule.in_starts = starts_in(given, "in_starts", n_networks * n_units, n_edges);
    rule.in_edges = bounded_in<std::int64_t>(given, "in_edges", n_edges, 0, n_edges - 1);
    rule.in_sources = bounded_in<std::uint32_t>(given, "in_sources", n_edges, 0, n_units - 1);
    // Threads change the edges to their own units alone: an edge under another's target would be a race.
    for (pybind11::ssize_t i = 0; i < n_networks * n_units; ++i) {
        for (std::int64_t place = rule.in_starts[i]; place < rule.in_starts[i + 1]; ++place) {
            if (w.targets[rule.in_edges[place]] != static_cast<std::uint32_t>(i % n_units))
                throw pybind11::value_error("in_edges are not those of their target");
        }
    }
}

template <class T>
Wiring<T> bound_wiring(const pybind11::dict& given, pybind11::ssize_t n_networks, pybind11::ssize_t n_units) {
    Wiring<T> w{};
    w.shortest = given["shortest"].cast<std::int64_t>(), w.longest = given["longest"].cast<std::int64_t>();
    if (w.shortest < 1 || w.longest < w.shortest || w.longest > 65535)
        throw pybind11::value_error("delays out of range");
    const auto name = given["synapse"].cast<std::string>();
    int kind = 0;
    while (kind < n_synapse_kinds && name != synapse_names[kind]) ++kind;
    if (kind == n_synapse_kinds) throw pybind11::key_error("no synapse '" + name + "'");
    w.synapse.kind = static_cast<SynapseKind>(kind);
    using Pair = std::pair<double, double>;
    const auto [tau0, tau1] = given["tau_ms"].cast<Pair>();
    const auto [reversal0, reversal1] = given["reversal"].cast<Pair>();
    w.synapse.tau[0] = tau0, w.synapse.tau[1] = tau1;
    w.synapse.reversal[0] = reversal0, w.synapse.reversal[1] = reversal1;
    w.fresh = given["fresh"].cast<bool>();
    w.synapse_state = array_in<T>(given, "synapse_state", {n_networks, n_synapse_states_of[kind], n_units}, true);
    if (w.longest > 1) {
        const pybind11::ssize_t slots = w.longest * n_receptors_of[kind];
        w.pending = array_in<T>(given, "pending", {n_networks, slots, n_units}, true);
    }
    if (has(given, "weights")) {
        if (w.shortest != w.longest) throw pybind11::value_error("different delays without a list of edges");
        w.weights = array_in<T>(given, "weights", {n_networks, n_units, n_units}, false);
    } else {
        bind_edges(given, n_networks, n_units, w);
        if (w.delays == nullptr && w.shortest != w.longest) throw pybind11::value_error("different delays, not given");
    }
    if (has(given, "short_term")) {
        const auto [baseline, facilitation, recovery] = given["short_term"].cast<std::tuple<double, double, double>>();
        w.short_term = {baseline, facilitation, recovery,
                        array_in<double>(given, "releases", {n_networks, 3, n_units}, true)};
    }
    if (has(given, "stdp")) bind_stdp(given, n_networks, n_units, w);
    return w;
}

}  // namespace synfer
