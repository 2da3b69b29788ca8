#pragma once
#include <string>

#include "bindings/arrays.hpp"
#include "simulator/simulate.hpp"

// A model of spiking neurons by its name, and a Simulation's first arrays.

namespace synfer {

inline const Model& model_named(const std::string& name) {
    const SimulatorLevel& level = simulator_level();
    for (int i = 0; i < level.n_models; ++i) {
        if (name == level.models[i].name) return level.models[i];
    }
    throw pybind11::key_error("no model '" + name + "'");
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
Simulation<T> with_parameters(const Model& model, const pybind11::array& parameters, pybind11::array& state) {
    if (parameters.ndim() != 3) throw pybind11::value_error("parameters is not (network, parameter, unit)");
    Simulation<T> s{};
    s.n_networks = parameters.shape(0);
    s.n_units = parameters.shape(2);
    if (s.n_networks < 1 || s.n_units < 1) throw pybind11::value_error("no networks or no units");
    s.parameters = data_of<T>(parameters, "parameters", {s.n_networks, model.n_parameters, s.n_units}, false);
    s.state = data_of<T>(state, "state", {s.n_networks, model.n_states, s.n_units}, true);
    return s;
}

}  // namespace synfer
