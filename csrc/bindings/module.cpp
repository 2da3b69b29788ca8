// The compiled core. One file a subject beside this one; each adds its functions to the module.
#include "bindings/bindings.hpp"

PYBIND11_MODULE(_core, m) {
    m.doc() = "synfer's compiled core: takes and gives numpy buffers, checks only what memory safety needs.";
    synfer::bind_attention(m);
    synfer::bind_cuda(m);
    synfer::bind_cuda_attention(m);
    synfer::bind_cuda_ensemble(m);
    synfer::bind_cuda_simulator(m);
    synfer::bind_edges(m);
    synfer::bind_ensemble(m);
    synfer::bind_glm(m);
    synfer::bind_machine(m);
    synfer::bind_pair_density(m);
    synfer::bind_rates(m);
    synfer::bind_simulator(m);
    synfer::bind_spiking(m);
    synfer::bind_var(m);
}
