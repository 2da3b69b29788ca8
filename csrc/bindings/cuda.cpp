// What of CUDA this build has.
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/bindings.hpp"
#ifdef SYNFER_CUDA
#include "common/cuda/device.hpp"
#endif

namespace py = pybind11;

namespace synfer {
namespace {

std::vector<std::string> device_names() {
    std::vector<std::string> names;
#ifdef SYNFER_CUDA
    for (int device = 0; device < cuda_device_count(); ++device) names.push_back(cuda_device_name(device));
#endif
    return names;
}

}  // namespace

void bind_cuda(py::module_& m) {
#ifdef SYNFER_CUDA
    m.attr("cuda_built") = true;
#else
    m.attr("cuda_built") = false;
#endif
    m.def("cuda_devices", &device_names, "Names of the CUDA devices that this build can use.");
}

}  // namespace synfer
