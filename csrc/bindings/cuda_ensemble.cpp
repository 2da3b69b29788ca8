// Layers of an ensemble on CUDA devices: tensors are the caller's (torch's), handed over by address.
#include <optional>
#include <stdexcept>
#include <string>

#include "bindings/bindings.hpp"
#include "bindings/tokens.hpp"
#include "ensemble/cuda/launch.hpp"

namespace py = pybind11;

namespace synfer {
#ifdef SYNFER_CUDA
namespace {

struct Aside {
    cuda::Beside is;
    const std::optional<View>& given;
};

Aside aside_of(const std::string& fused, const std::optional<View>& given) {
    const char* const names[] = {"", "gelu", "gelu_gradient", "sum"};
    for (int k = 0; k < 4; ++k) {
        if (fused != names[k]) continue;
        if (given.has_value() != (k >= 2)) throw py::value_error("beside is given for gelu_gradient and sum alone");
        return {static_cast<cuda::Beside>(k), given};
    }
    throw py::value_error("fused is none of '', gelu, gelu_gradient, sum");
}

template <class T>
void dropped(const View& x, const Drop& drop, const Aside& aside, const std::uint32_t* advance, const View& y,
             const cuda::Device& device) {
    const Shape shape = shape_of(x, "x");
    const Dropout<T> d{shape.n_tokens, shape.n_groups,          shape.n_channels, tokens<const T>(x, "x", shape),
                       drop,           tokens<T>(y, "y", shape)};
    const auto beside = aside.given ? tokens<const T>(*aside.given, "beside", shape) : Tokens<const T>{};
    const char* const problem = cuda::dropout(d, aside.is, beside, advance, device);
    if (problem != nullptr) throw std::runtime_error(std::string("CUDA: ") + problem);
}

void dropout_bound(const View& x, std::uintptr_t seeds, std::uint32_t stream_of_numbers, std::uint32_t step,
                   std::uint32_t threshold, std::uintptr_t advance, const View& y, int device, std::int64_t processors,
                   std::uintptr_t stream, const std::string& fused, const std::optional<View>& beside) {
    if (threshold > 65535) throw py::value_error("threshold > 65535");
    if (seeds == 0) throw py::value_error("seeds has no memory");
    if (processors < 1) throw py::value_error("a device without processors");
    const Drop drop{reinterpret_cast<const std::uint64_t*>(seeds), stream_of_numbers, step, threshold};
    const cuda::Device place{device, processors, reinterpret_cast<void*>(stream)};
    (is_of<double>(x) ? dropped<double> : dropped<float>)(x, drop, aside_of(fused, beside),
                                                          reinterpret_cast<const std::uint32_t*>(advance), y, place);
}

}  // namespace

void bind_cuda_ensemble(py::module_& m) {
    m.def(
        "cuda_dropout", &dropout_bound, py::arg("x"), py::arg("seeds"), py::arg("stream_of_numbers"), py::arg("step"),
        py::arg("threshold"), py::arg("advance"), py::arg("y"), py::arg("device"), py::arg("processors"),
        py::arg("stream"), py::arg("fused") = "", py::arg("beside") = py::none(),
        "dropout on a stream of a device; `seeds` is the address of one for each group, there; `advance` 0 or that of "
        "a number that is added to the step. `fused`: '' or what is done in the same pass, 'gelu' (before it), "
        "'gelu_gradient' (of that at `beside`, times the result), 'sum' (with `beside`).");
}
#else
void bind_cuda_ensemble(py::module_&) {}
#endif

}  // namespace synfer
