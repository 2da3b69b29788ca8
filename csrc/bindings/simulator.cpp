#include <algorithm>

#include "bindings/bindings.hpp"
#include "bindings/simulation.hpp"
#include "bindings/wiring.hpp"
#include "simulator/edge_lists.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

const Model& model_named(const std::string& name) {
    const SimulatorLevel& level = simulator_level();
    for (int i = 0; i < level.n_models; ++i) {
        if (name == level.models[i].name) return level.models[i];
    }
    throw py::key_error("no model '" + name + "'");
}

template <class T>
const Kernels<T>& kernels_of(const Model& model) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return model.single;
    } else {
        return model.full;
    }
}

// The parts of a Simulation that `initial_state` and `simulate` share.
template <class T>
Simulation<T> with_parameters(const Model& model, const py::array& parameters, py::array& state) {
    if (parameters.ndim() != 3) throw py::value_error("parameters is not (network, parameter, unit)");
    Simulation<T> s{};
    s.n_networks = parameters.shape(0);
    s.n_units = parameters.shape(2);
    if (s.n_networks < 1 || s.n_units < 1) throw py::value_error("no networks or no units");
    s.parameters = data_of<T>(parameters, "parameters", {s.n_networks, model.n_parameters, s.n_units}, false);
    s.state = data_of<T>(state, "state", {s.n_networks, model.n_states, s.n_units}, true);
    return s;
}

template <class T>
void initial_state(const Model& model, const py::array& parameters, py::array state) {
    kernels_of<T>(model).initialise(with_parameters<T>(model, parameters, state));
}

// The steps to take now; those of the whole run, [first, last), of which the rows from record_from on are recorded.
struct Run {
    std::int64_t first, last, begin, end, record_from, every;
    double dt_ms;
    std::uint64_t seed;
    int n_threads;
    std::int64_t units_per_thread;
};

template <class T>
Divergence run(const Model& model, const Run& r, const py::array& parameters, py::array state, const py::dict& wiring,
               const py::array& ids, const std::vector<BoundTerm>& drive, const BoundRecord& record,
               const MaybeArray& raster) {
    Simulation<T> s = with_parameters<T>(model, parameters, state);
    if (r.first < 0 || r.begin < r.first || r.begin >= r.end || r.end > r.last || r.record_from < r.first)
        throw py::value_error("not 0 <= first <= begin < end <= last and first <= record_from");
    if (r.n_threads < 1 || r.units_per_thread < 1) throw py::value_error("n_threads < 1 or units_per_thread < 1");
    s.begin = r.begin, s.end = r.end;
    s.dt = static_cast<T>(r.dt_ms);
    s.wiring = bound_wiring<T>(wiring, s.n_networks, s.n_units);
    if (s.wiring.synapse.kind == SynapseKind::jump && !model.jumps) throw py::value_error("no v for a synapse to move");
    s.recorded =
        recorded_in<T>(record, model.states, model.n_states, s.n_networks, s.n_units, r.record_from, r.last, r.every);
    const BoundDrive<T> bound(drive, ids, r.seed, s.n_networks, s.n_units, r.first, r.last, s.recorded.n_rows);
    s.drive = bound.drive;
    if (raster) {
        s.recorded.raster_from = std::max(r.begin, r.record_from);
        s.recorded.n_raster_rows = r.end - s.recorded.raster_from;
        s.recorded.raster =
            data_of<std::uint8_t>(*raster, "raster", {s.n_networks, s.recorded.n_raster_rows, s.n_units}, true);
    }
    const py::gil_scoped_release released;
    return simulate(kernels_of<T>(model), s, {r.n_threads, r.units_per_thread});
}

std::optional<std::tuple<std::int64_t, std::int64_t, std::int64_t>> simulate_bound(
    const std::string& model_name, const py::array& parameters, py::array state, const py::dict& wiring,
    const py::array& ids, const std::vector<BoundTerm>& drive, std::uint64_t seed, double dt_ms, std::int64_t first,
    std::int64_t last, std::int64_t begin, std::int64_t end, const BoundRecord& record, std::int64_t record_from,
    std::int64_t every, const MaybeArray& raster, int n_threads, std::int64_t units_per_thread) {
    const Model& model = model_named(model_name);
    const Run r{first, last, begin, end, record_from, every, dt_ms, seed, n_threads, units_per_thread};
    const Divergence met = is_single(parameters, "parameters")
                               ? run<float>(model, r, parameters, state, wiring, ids, drive, record, raster)
                               : run<double>(model, r, parameters, state, wiring, ids, drive, record, raster);
    if (met.network < 0) return std::nullopt;
    return std::make_tuple(met.network, met.unit, met.step);
}

py::array gaussian(std::uint64_t seed, std::uint32_t id, std::uint32_t unit, std::int64_t count, bool single) {
    if (count < 0) throw py::value_error("count < 0");
    if (single) {
        py::array_t<float> out(count);
        simulator_level().gaussian_single(seed, id, unit, count, out.mutable_data());
        return out;
    }
    py::array_t<double> out(count);
    simulator_level().gaussian_full(seed, id, unit, count, out.mutable_data());
    return out;
}

py::array philox(const py::array& counters, const py::array& key) {
    if (counters.ndim() != 2) throw py::value_error("counters is not (n, 4)");
    const auto n = counters.shape(0);
    py::array_t<std::uint32_t> out({n, py::ssize_t{4}});
    simulator_level().philox(data_of<std::uint32_t>(counters, "counters", {n, 4}, false),
                             data_of<std::uint32_t>(key, "key", {2}, false), n, out.mutable_data());
    return out;
}

// Indices along each axis of the bytes that are not 0, in the order in which they lie.
py::tuple nonzero_bytes(const py::array& array) {
    if (array.ndim() != 3) throw py::value_error("array is not (network, step, unit)");
    const std::int64_t steps = array.shape(1), units = array.shape(2), size = array.size();
    const std::uint8_t* bytes =
        data_of<std::uint8_t>(array, "array", {array.shape(0), array.shape(1), array.shape(2)}, false);
    std::vector<std::int64_t> places;
    for (std::int64_t i = 0; i < size;) {
        std::uint64_t eight = 1;
        if (i + 8 <= size) std::memcpy(&eight, bytes + i, 8);
        if (eight == 0) {
            i += 8;
            continue;
        }
        for (const std::int64_t last = std::min(i + 8, size); i < last; ++i) {
            if (bytes[i] != 0) places.push_back(i);
        }
    }
    const auto n = static_cast<py::ssize_t>(places.size());
    py::array_t<std::int64_t> network(n), step(n), unit(n);
    for (py::ssize_t k = 0; k < n; ++k) {
        network.mutable_data()[k] = places[k] / units / steps;
        step.mutable_data()[k] = places[k] / units % steps;
        unit.mutable_data()[k] = places[k] % units;
    }
    return py::make_tuple(network, step, unit);
}

template <class T>
py::tuple edge_lists(const py::array& source, const py::array& target, const py::array& strength, std::int64_t n_units,
                     bool placed) {
    const py::ssize_t n = source.size();
    const std::int64_t* from = data_of<std::int64_t>(source, "source", {n}, false);
    const std::int64_t* to = data_of<std::int64_t>(target, "target", {n}, false);
    const T* strengths = data_of<T>(strength, "strength", {n}, false);
    const auto outside = [&](std::int64_t unit) { return unit < 0 || unit >= n_units; };
    if (n_units < 0 || n_units > 0xffffffff || std::any_of(from, from + n, outside) || std::any_of(to, to + n, outside))
        throw py::value_error("source or target out of range");
    py::array_t<std::int64_t> starts(n_units + 1), places(placed ? n : 0);
    py::array_t<std::uint32_t> targets(n);
    py::array_t<T> sorted(n);
    const EdgeLists<T> lists{starts.mutable_data(), targets.mutable_data(), sorted.mutable_data(),
                             placed ? places.mutable_data() : nullptr};
    {
        const py::gil_scoped_release released;
        sort_edges(from, to, strengths, n, n_units, lists);
    }
    return py::make_tuple(starts, targets, sorted, placed ? py::object(places) : py::none());
}

}  // namespace

void bind_simulator(py::module_& m) {
    m.def(
        "models",
        [] {
            py::dict all;
            const SimulatorLevel& level = simulator_level();
            for (int i = 0; i < level.n_models; ++i) {
                const Model& model = level.models[i];
                all[model.name] =
                    py::make_tuple(described(model.parameters, model.n_parameters),
                                   described(model.states, model.n_states), model.input_unit, model.jumps);
            }
            return all;
        },
        "name -> (parameters, states, unit of the input, whether synapses can move its v), the first two lists of "
        "(name, default value, unit, range)");
    m.def(
        "initial_state",
        [](const std::string& model_name, const py::array& parameters, const py::array& state) {
            const Model& model = model_named(model_name);
            is_single(parameters, "parameters") ? initial_state<float>(model, parameters, state)
                                                : initial_state<double>(model, parameters, state);
        },
        py::arg("model"), py::arg("parameters"), py::arg("state"),
        "Write the state at rest into state (network, state, unit), from parameters (network, parameter, unit).");
    m.def("simulate", &simulate_bound, py::kw_only(), py::arg("model"), py::arg("parameters"), py::arg("state"),
          py::arg("wiring"), py::arg("ids"), py::arg("drive"), py::arg("seed"), py::arg("dt_ms"), py::arg("first"),
          py::arg("last"), py::arg("begin"), py::arg("end"), py::arg("record"), py::arg("record_from"),
          py::arg("every"), py::arg("raster"), py::arg("n_threads"), py::arg("units_per_thread"),
          "Take the steps [begin, end) of [first, last), writing those rows of the arrays in `record`; see "
          "simulator/simulate.hpp.\n"
          "Gives None, or (network index, unit, step) where a state was first not finite.");
    m.def(
        "edge_lists",
        [](const py::array& source, const py::array& target, const py::array& strength, std::int64_t n_units,
           bool placed) {
            return is_single(strength, "strength") ? edge_lists<float>(source, target, strength, n_units, placed)
                                                   : edge_lists<double>(source, target, strength, n_units, placed);
        },
        py::arg("source"), py::arg("target"), py::arg("strength"), py::arg("n_units"), py::arg("placed"),
        "Edges by source, then target: (starts (unit + 1), targets, strengths, and if placed where each stood).");
    m.def("nonzero_bytes", &nonzero_bytes, py::arg("array"),
          "Indices (network, step, unit) of what is not 0 in an array of bytes with these axes.");
    m.def("gaussian", &gaussian, py::arg("seed"), py::arg("id"), py::arg("unit"), py::arg("count"), py::arg("single"),
          "The standard normal numbers that drive one unit of one network at steps 0, 1, ...");
    m.def("philox", &philox, py::arg("counters"), py::arg("key"),
          "Philox4x32-10 of counters (n, 4) under key (2), uint32.");
}

}  // namespace synfer
