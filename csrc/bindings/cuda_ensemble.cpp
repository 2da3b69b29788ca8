// Layers of an ensemble on CUDA devices: tensors are the caller's (torch's), handed over by address.
#include <stdexcept>

#include "bindings/bindings.hpp"
#include "bindings/tokens.hpp"
#include "ensemble/cuda/launch.hpp"

namespace py = pybind11;

namespace synfer {
#ifdef SYNFER_CUDA
namespace {

template <class T>
void dropped(const View& x, const Drop& drop, const std::uint32_t* advance, const View& y, const cuda::Device& device) {
    const Shape shape = shape_of(x, "x");
    const Dropout<T> d{shape.n_tokens, shape.n_groups,          shape.n_channels, tokens<const T>(x, "x", shape),
                       drop,           tokens<T>(y, "y", shape)};
    const char* const problem = cuda::dropout(d, advance, device);
    if (problem != nullptr) throw std::runtime_error(std::string("CUDA: ") + problem);
}

void dropout_bound(const View& x, std::uintptr_t seeds, std::uint32_t stream_of_numbers, std::uint32_t step,
                   std::uint32_t threshold, std::uintptr_t advance, const View& y, int device, std::int64_t processors,
                   std::uintptr_t stream) {
    if (threshold > 65535) throw py::value_error("threshold > 65535");
    if (seeds == 0) throw py::value_error("seeds has no memory");
    if (processors < 1) throw py::value_error("a device without processors");
    const Drop drop{reinterpret_cast<const std::uint64_t*>(seeds), stream_of_numbers, step, threshold};
    const cuda::Device place{device, processors, reinterpret_cast<void*>(stream)};
    (is_of<double>(x) ? dropped<double> : dropped<float>)(x, drop, reinterpret_cast<const std::uint32_t*>(advance), y,
                                                          place);
}

}  // namespace

void bind_cuda_ensemble(py::module_& m) {
    m.def(
        "cuda_dropout", &dropout_bound, py::arg("x"), py::arg("seeds"), py::arg("stream_of_numbers"), py::arg("step"),
        py::arg("threshold"), py::arg("advance"), py::arg("y"), py::arg("device"), py::arg("processors"),
        py::arg("stream"),
        "dropout on a stream of a device; `seeds` is the address of one for each group, there; `advance` 0 or that of "
        "a number that is added to the step.");
}
#else
void bind_cuda_ensemble(py::module_&) {}
#endif

}  // namespace synfer
