#pragma once
#include <pybind11/pybind11.h>

namespace synfer {

void bind_attention(pybind11::module_& m);
void bind_cuda(pybind11::module_& m);
void bind_cuda_attention(pybind11::module_& m);
void bind_cuda_ensemble(pybind11::module_& m);
void bind_cuda_simulator(pybind11::module_& m);
void bind_edges(pybind11::module_& m);
void bind_ensemble(pybind11::module_& m);
void bind_glm(pybind11::module_& m);
void bind_machine(pybind11::module_& m);
void bind_pair_density(pybind11::module_& m);
void bind_rates(pybind11::module_& m);
void bind_simulator(pybind11::module_& m);
void bind_spiking(pybind11::module_& m);
void bind_var(pybind11::module_& m);

}  // namespace synfer
