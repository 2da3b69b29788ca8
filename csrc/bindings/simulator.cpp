#include "bindings/bindings.hpp"

void synfer::bind_simulator(pybind11::module_&) {}
