// What is known of the models of spiking neurons, and their random numbers to look at.
#include "bindings/bindings.hpp"
#include "bindings/model.hpp"
#include "bindings/simulation.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

template <class T>
void initial_state(const Model& model, const py::array& parameters, py::array state) {
    kernels_of<T>(model).initialise(with_parameters<T>(model, parameters, state));
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
    m.def("gaussian", &gaussian, py::arg("seed"), py::arg("id"), py::arg("unit"), py::arg("count"), py::arg("single"),
          "The standard normal numbers that drive one unit of one network at steps 0, 1, ...");
    m.def("philox", &philox, py::arg("counters"), py::arg("key"),
          "Philox4x32-10 of counters (n, 4) under key (2), uint32.");
}

}  // namespace synfer
