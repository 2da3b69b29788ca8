#include <pybind11/stl.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "simulator/simulate.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

using Record = std::map<std::string, py::array>;  // signal -> where it is written

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

struct Run {
    std::int64_t n_steps, begin, end;
    double dt_ms, mean, deviation;
    std::uint64_t seed;
    int n_threads;
};

template <class T>
Divergence run(const Model& model, const Run& r, const py::array& parameters, py::array state, const py::array& weights,
               const py::array& ids, const std::optional<py::array>& drive, const Record& record) {
    Simulation<T> s = with_parameters<T>(model, parameters, state);
    if (r.begin < 0 || r.begin >= r.end || r.end > r.n_steps) throw py::value_error("not 0 <= begin < end <= n_steps");
    if (r.n_threads < 1) throw py::value_error("n_threads < 1");
    s.n_steps = r.n_steps, s.begin = r.begin, s.end = r.end;
    s.dt = static_cast<T>(r.dt_ms);
    s.weights = data_of<T>(weights, "weights", {s.n_networks, s.n_units, s.n_units}, false);
    s.ids = data_of<std::uint32_t>(ids, "ids", {s.n_networks}, false);
    s.mean = static_cast<T>(r.mean), s.deviation = static_cast<T>(r.deviation), s.seed = r.seed;
    const Shape recorded = {s.n_networks, s.n_steps, s.n_units};
    if (drive && drive->ndim() == 2) {
        s.drive = data_of<T>(*drive, "drive", {s.n_steps, s.n_units}, false);
        s.drive_stride = 0;
    } else if (drive) {
        s.drive = data_of<T>(*drive, "drive", recorded, false);
        s.drive_stride = s.n_steps * s.n_units;
    }
    for (const auto& [name, array] : record) {
        if (name == "spikes") {
            s.spikes = data_of<std::uint8_t>(array, "spikes", recorded, true);
        } else if (name == "drive") {
            s.recorded_drive = data_of<T>(array, "drive", recorded, true);
        } else {
            int state_index = 0;
            while (state_index < model.n_states && name != model.states[state_index].name) ++state_index;
            if (state_index == model.n_states) throw py::key_error("no signal '" + name + "'");
            s.recorded[state_index] = data_of<T>(array, name.c_str(), recorded, true);
        }
    }
    const py::gil_scoped_release released;
    return simulate(kernels_of<T>(model), s, r.n_threads);
}

std::optional<std::tuple<std::int64_t, std::int64_t, std::int64_t>> simulate_bound(
    const std::string& model_name, const py::array& parameters, py::array state, const py::array& weights,
    const py::array& ids, const std::optional<py::array>& drive, double mean, double deviation, std::uint64_t seed,
    double dt_ms, std::int64_t n_steps, std::int64_t begin, std::int64_t end, const Record& record, int n_threads) {
    const Model& model = model_named(model_name);
    const Run r{n_steps, begin, end, dt_ms, mean, deviation, seed, n_threads};
    const Divergence met = is_single(parameters, "parameters")
                               ? run<float>(model, r, parameters, state, weights, ids, drive, record)
                               : run<double>(model, r, parameters, state, weights, ids, drive, record);
    if (met.network < 0) return std::nullopt;
    return std::make_tuple(met.network, met.unit, met.step);
}

py::list described(const Described* things, int n) {
    py::list all;
    for (int i = 0; i < n; ++i) all.append(py::make_tuple(things[i].name, things[i].value, things[i].unit));
    return all;
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

}  // namespace

void bind_simulator(py::module_& m) {
    m.def(
        "models",
        [] {
            py::dict all;
            const SimulatorLevel& level = simulator_level();
            for (int i = 0; i < level.n_models; ++i) {
                const Model& model = level.models[i];
                all[model.name] = py::make_tuple(described(model.parameters, model.n_parameters),
                                                 described(model.states, model.n_states));
            }
            return all;
        },
        "name -> (parameters, states), each a list of (name, default value, unit)");
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
          py::arg("weights"), py::arg("ids"), py::arg("drive"), py::arg("mean"), py::arg("deviation"), py::arg("seed"),
          py::arg("dt_ms"), py::arg("n_steps"), py::arg("begin"), py::arg("end"), py::arg("record"),
          py::arg("n_threads"),
          "Take the steps [begin, end) of n_steps, writing those rows of the arrays in `record`; see "
          "simulator/simulate.hpp.\n"
          "Gives None, or (network index, unit, step) where a state was first not finite.");
    m.def("gaussian", &gaussian, py::arg("seed"), py::arg("id"), py::arg("unit"), py::arg("count"), py::arg("single"),
          "The standard normal numbers that drive one unit of one network at steps 0, 1, ...");
    m.def("philox", &philox, py::arg("counters"), py::arg("key"),
          "Philox4x32-10 of counters (n, 4) under key (2), uint32.");
}

}  // namespace synfer
