#pragma once
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/simulation.hpp"

// What of a simulation is kept, and where, from what Python gives.

namespace synfer {

// Where it is recorded: every so many steps, of these units (rising; none: all), signal -> array (network, row, unit),
// and whether spikes are listed one by one too. Signal "drive:3" is what term 3 of the drive gives by itself.
using BoundRecord =
    std::tuple<std::int64_t, std::optional<std::vector<std::int64_t>>, std::map<std::string, pybind11::array>, bool>;

// Recorded of the steps [from, to), and the memory it points into. Units are looked at, for they index memory; the
// records given are the caller's to keep.
template <class T>
struct BoundRecords {
    std::vector<std::vector<T*>> terms;              // (record)(term of the drive)
    std::vector<std::vector<std::uint8_t>> counted;  // (record)(network x unit), of those that count spikes into rows
    std::vector<Recorded<T>> all;

    BoundRecords(const std::vector<BoundRecord>& records, const Described* states, int n_states,
                 pybind11::ssize_t n_networks, pybind11::ssize_t n_units, std::int64_t from, std::int64_t to,
                 BoundDrive<T>& drive) {
        if (from > to) throw pybind11::value_error("not record_from <= the last step");
        terms.reserve(records.size()), counted.reserve(records.size());
        for (const BoundRecord& record : records) {
            const auto& [every, units, arrays, events] = record;
            if (every < 1) throw pybind11::value_error("not every >= 1");
            Recorded<T>& to_here = all.emplace_back();
            to_here.from = from, to_here.every = every, to_here.n_rows = (to - from) / every;
            to_here.n_units = n_units;
            if (units) take_units(*units, n_units, to_here);
            terms.emplace_back(drive.terms.size());
            const Shape shape = {n_networks, to_here.n_rows, to_here.n_units};
            for (const auto& [name, array] : arrays) {
                if (name == "spikes") {
                    if (every > 255) throw pybind11::value_error("spikes counted over more than 255 steps");
                    to_here.spikes = data_of<std::uint8_t>(array, "spikes", shape, true);
                    if (every == 1) continue;
                    to_here.counted = counted.emplace_back(n_networks * n_units).data();
                    continue;
                }
                T* values = data_of<T>(array, name.c_str(), shape, true);
                if (name == "drive") {
                    to_here.drive = values;
                } else if (name.rfind("drive:", 0) == 0) {
                    const std::size_t term = term_of(name, drive.terms.size());
                    drive.terms[term].alone = true;
                    terms.back()[term] = values;
                    to_here.terms = terms.back().data();
                } else {
                    int state = 0;
                    while (state < n_states && name != states[state].name) ++state;
                    if (state == n_states) throw pybind11::key_error("no signal '" + name + "'");
                    to_here.states[state] = values;
                }
            }
        }
    }

    static void take_units(const std::vector<std::int64_t>& units, std::int64_t n_units, Recorded<T>& to) {
        std::int64_t before = -1;
        for (const std::int64_t unit : units) {
            if (unit <= before || unit >= n_units)
                throw pybind11::value_error("units recorded do not rise, or are none");
            before = unit;
        }
        if (units.empty()) throw pybind11::value_error("no units are recorded");
        to.units = units.data(), to.n_units = static_cast<std::int64_t>(units.size());
    }

    static std::size_t term_of(const std::string& name, std::size_t n_terms) {
        for (std::size_t term = 0; term < n_terms; ++term) {
            if (name == "drive:" + std::to_string(term)) return term;
        }
        throw pybind11::key_error("no signal '" + name + "'");
    }
};

}  // namespace synfer
