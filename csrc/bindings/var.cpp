#include "bindings/bindings.hpp"

void synfer::bind_var(pybind11::module_&) {}
