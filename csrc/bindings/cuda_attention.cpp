// Attention on CUDA devices: tensors and workspace are the caller's (torch's), handed over by address.
#include <pybind11/functional.h>

#include <stdexcept>

#include "attention/cuda/launch.hpp"
#include "attention/cuda/plan.hpp"
#include "bindings/attention.hpp"
#include "bindings/bindings.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

#ifdef SYNFER_CUDA

// Where the device's kernels work.
struct Place {
    cuda::Device device;
    py::function allocate;  // gives the address of so many bytes of workspace

    Place(int index, std::int64_t processors, std::uintptr_t stream, const py::function& given)
        : device{index, processors, reinterpret_cast<void*>(stream)}, allocate(given) {
        if (processors < 1) throw py::value_error("a device without processors");
    }

    void* workspace(std::size_t bytes) const {
        return bytes == 0 ? nullptr : reinterpret_cast<void*>(allocate(bytes).template cast<std::uintptr_t>());
    }
};

void raise(const char* problem) {
    if (problem != nullptr) throw std::runtime_error(std::string("CUDA: ") + problem);
}

template <class T>
void forward(const Given& given, const View& out, const MaybeView& map, const Place& place) {
    Attention<T> a = attention<T>(given);
    a.out = result<T>(out, "out", {a.n_batch, a.n_heads, a.n_rows, a.d_value});
    if (map) a.map = array<T>(*map, "map", map_size(a));
    void* const workspace = place.workspace(cuda::attention_forward_bytes(a, place.device.processors));
    const char* problem = nullptr;
    {
        const py::gil_scoped_release released;
        problem = cuda::attention_forward(a, workspace, place.device);
    }
    raise(problem);
}

template <class T>
void backward(const Given& given, const MaybeView& grad_out, const MaybeView& grad_map, const View& dq, const View& dk,
              const View& dv, const MaybeView& dbias, const Place& place) {
    Attention<T> a = backward_attention<T>(given, grad_out, grad_map, dq, dk, dv, dbias);
    void* const workspace = place.workspace(cuda::attention_backward_bytes(a, place.device.processors));
    const char* problem = nullptr;
    {
        const py::gil_scoped_release released;
        problem = cuda::attention_backward(a, workspace, place.device);
    }
    raise(problem);
}

void forward_bound(const View& q, const View& k, const View& v, const MaybeView& bias, double scale, bool softmax,
                   std::int64_t map_lags, bool map_over_batch, bool map_over_heads, const View& out,
                   const MaybeView& map, int device, std::int64_t processors, std::uintptr_t stream,
                   const py::function& allocate) {
    const Given given{q, k, v, bias, scale, softmax, map_lags, map_over_batch, map_over_heads};
    const Place place(device, processors, stream, allocate);
    scalar_of(q) == Scalar::float64 ? forward<double>(given, out, map, place) : forward<float>(given, out, map, place);
}

void backward_bound(const View& q, const View& k, const View& v, const MaybeView& bias, double scale, bool softmax,
                    std::int64_t map_lags, bool map_over_batch, bool map_over_heads, const MaybeView& grad_out,
                    const MaybeView& grad_map, const View& dq, const View& dk, const View& dv, const MaybeView& dbias,
                    int device, std::int64_t processors, std::uintptr_t stream, const py::function& allocate) {
    const Given given{q, k, v, bias, scale, softmax, map_lags, map_over_batch, map_over_heads};
    const Place place(device, processors, stream, allocate);
    scalar_of(q) == Scalar::float64 ? backward<double>(given, grad_out, grad_map, dq, dk, dv, dbias, place)
                                    : backward<float>(given, grad_out, grad_map, dq, dk, dv, dbias, place);
}

#endif

}  // namespace

void bind_cuda_attention(py::module_& m) {
    m.attr("cuda_attention_channels") =
        std::vector<std::int64_t>{cuda::most_channels<float>, cuda::most_channels<double>};
    m.def(
        "cuda_attention_shared_bytes",
        [](std::int64_t widest, bool is_double) {
            return is_double ? cuda::shared_bytes_needed<double>(widest) : cuda::shared_bytes_needed<float>(widest);
        },
        py::arg("widest"), py::arg("is_double"),
        "Shared memory that a block needs for keys and values of at most so many channels.");
    m.def(
        "cuda_attention_plan",
        [](std::int64_t n_batch, std::int64_t n_heads, std::int64_t n_rows, std::int64_t n_keys, std::int64_t lags,
           bool over_batch, bool over_heads, std::int64_t processors) {
            Attention<float> a{};
            a.n_batch = n_batch, a.n_heads = n_heads, a.n_rows = n_rows, a.n_keys = n_keys, a.map_lags = lags;
            a.map_over_batch = over_batch, a.map_over_heads = over_heads;
            const cuda::SumPlan plan = cuda::plan_map(a, processors);
            py::dict all;
            all["column_tiles"] = plan.column_tiles, all["width"] = plan.width, all["packed"] = plan.packed;
            all["n_sums"] = plan.n_sums, all["blocks"] = plan.blocks, all["count"] = plan.count;
            return all;
        },
        py::arg("n_batch"), py::arg("n_heads"), py::arg("n_rows"), py::arg("n_keys"), py::arg("lags"),
        py::arg("over_batch"), py::arg("over_heads"), py::arg("processors"),
        "How a map is cut into blocks of threads: see attention/cuda/plan.hpp.");
    m.def(
        "cuda_attention_few_plan",
        [](std::int64_t heads, std::int64_t n_rows, std::int64_t n_keys, std::int64_t d_key, std::int64_t d_value,
           bool is_double, bool backward) {
            const auto plan_of = [&](auto a) -> py::object {
                a.n_batch = 1, a.n_heads = heads, a.n_rows = n_rows, a.n_keys = n_keys;
                a.d_key = d_key, a.d_value = d_value;
                if (!cuda::is_few(a)) return py::none();
                const cuda::FewPlan plan = cuda::plan_few(a, backward);
                py::dict all;
                all["heads"] = plan.heads, all["keys"] = plan.keys, all["channels"] = plan.channels;
                all["shared_bytes"] = plan.shared_bytes, all["blocks"] = plan.blocks;
                return all;
            };
            return is_double ? plan_of(Attention<double>{}) : plan_of(Attention<float>{});
        },
        py::arg("heads"), py::arg("n_rows"), py::arg("n_keys"), py::arg("d_key"), py::arg("d_value"),
        py::arg("is_double"), py::arg("backward"),
        "How heads of few tokens are shared out to blocks of threads; None where they are not few.");
#ifdef SYNFER_CUDA
    m.def("cuda_attention_forward", &forward_bound, py::arg("q"), py::arg("k"), py::arg("v"), py::arg("bias"),
          py::arg("scale"), py::arg("softmax"), py::arg("map_lags"), py::arg("map_over_batch"),
          py::arg("map_over_heads"), py::arg("out"), py::arg("map"), py::arg("device"), py::arg("processors"),
          py::arg("stream"), py::arg("allocate"),
          "attention_forward on a stream of a device; `allocate` gives the address of so many bytes there.");
    m.def("cuda_attention_backward", &backward_bound, py::arg("q"), py::arg("k"), py::arg("v"), py::arg("bias"),
          py::arg("scale"), py::arg("softmax"), py::arg("map_lags"), py::arg("map_over_batch"),
          py::arg("map_over_heads"), py::arg("grad_out"), py::arg("grad_map"), py::arg("dq"), py::arg("dk"),
          py::arg("dv"), py::arg("dbias"), py::arg("device"), py::arg("processors"), py::arg("stream"),
          py::arg("allocate"), "attention_backward likewise.");
#endif
}

}  // namespace synfer
