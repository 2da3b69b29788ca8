// Attention on tensors in memory: raw views in, the caller's buffers written.
#include "bindings/attention.hpp"

#include "bindings/bindings.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

template <class T>
void forward(const Given& given, const View& out, const MaybeView& map, int n_threads) {
    Attention<T> a = attention<T>(given);
    a.out = result<T>(out, "out", {a.n_batch, a.n_heads, a.n_rows, a.d_value});
    if (map) a.map = array<T>(*map, "map", map_size(a));
    const py::gil_scoped_release released;
    attention_forward(a, n_threads);
}

template <class T>
void backward(const Given& given, const MaybeView& grad_out, const MaybeView& grad_map, const View& dq, const View& dk,
              const View& dv, const MaybeView& dbias, int n_threads) {
    const Attention<T> a = backward_attention<T>(given, grad_out, grad_map, dq, dk, dv, dbias);
    const py::gil_scoped_release released;
    attention_backward(a, n_threads);
}

void forward_bound(const View& q, const View& k, const View& v, const MaybeView& bias, double scale, bool softmax,
                   std::int64_t map_lags, bool map_over_batch, bool map_over_heads, const View& out,
                   const MaybeView& map, int n_threads) {
    const Given given{q, k, v, bias, scale, softmax, map_lags, map_over_batch, map_over_heads};
    const int threads = at_least_one(n_threads);
    scalar_of(q) == Scalar::float64 ? forward<double>(given, out, map, threads)
                                    : forward<float>(given, out, map, threads);
}

void backward_bound(const View& q, const View& k, const View& v, const MaybeView& bias, double scale, bool softmax,
                    std::int64_t map_lags, bool map_over_batch, bool map_over_heads, const MaybeView& grad_out,
                    const MaybeView& grad_map, const View& dq, const View& dk, const View& dv, const MaybeView& dbias,
                    int n_threads) {
    const Given given{q, k, v, bias, scale, softmax, map_lags, map_over_batch, map_over_heads};
    const int threads = at_least_one(n_threads);
    scalar_of(q) == Scalar::float64 ? backward<double>(given, grad_out, grad_map, dq, dk, dv, dbias, threads)
                                    : backward<float>(given, grad_out, grad_map, dq, dk, dv, dbias, threads);
}

}  // namespace

void bind_attention(py::module_& m) {
    // By position: these are called for microseconds of work, and keywords cost one.
    m.def("attention_forward", &forward_bound, py::arg("q"), py::arg("k"), py::arg("v"), py::arg("bias"),
          py::arg("scale"), py::arg("softmax"), py::arg("map_lags"), py::arg("map_over_batch"),
          py::arg("map_over_heads"), py::arg("out"), py::arg("map"), py::arg("n_threads"),
          "Write attention's output and map; see attention/attention.hpp. A tensor is (address, shape, strides in "
          "elements, dtype's name).");
    m.def("attention_backward", &backward_bound, py::arg("q"), py::arg("k"), py::arg("v"), py::arg("bias"),
          py::arg("scale"), py::arg("softmax"), py::arg("map_lags"), py::arg("map_over_batch"),
          py::arg("map_over_heads"), py::arg("grad_out"), py::arg("grad_map"), py::arg("dq"), py::arg("dk"),
          py::arg("dv"), py::arg("dbias"), py::arg("n_threads"), "Write the gradients of attention's inputs.");
}

}  // namespace synfer
