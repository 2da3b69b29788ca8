#pragma once
#include <string>

#include "attention/attention.hpp"
#include "bindings/views.hpp"

// An Attention from what Python gives, checked: for the CPU and for CUDA devices.

namespace synfer {

inline Scalar scalar_of(const View& view) {
    const std::string& name = std::get<3>(view);
    if (name == "float32") return Scalar::float32;
    if (name == "float64") return Scalar::float64;
    if (name == "bfloat16") return Scalar::bfloat16;
    throw pybind11::value_error("no kernel for " + name);
}

// Checks that a view has this shape and one stride an axis: what lies outside it must not be touched.
inline void check_layout(const View& view, const char* name, const Axes& shape) {
    if (std::get<1>(view) != shape || std::get<2>(view).size() != shape.size()) {
        throw pybind11::value_error(std::string(name) + " has not the shape expected");
    }
}

template <class T>
Tensor4 tensor(const View& view, const char* name, const Axes& shape) {
    check_layout(view, name, shape);
    const Scalar scalar = scalar_of(view);
    if ((scalar == Scalar::float64) != (sizeof(T) == sizeof(double))) {
        throw pybind11::value_error(std::string(name) + " is not of the dtype expected");
    }
    const Axes& strides = std::get<2>(view);
    return {reinterpret_cast<const void*>(std::get<0>(view)), {strides[0], strides[1], strides[2], strides[3]}, scalar};
}

template <class T>
Result4<T> result(const View& view, const char* name, const Axes& shape) {
    check_layout(view, name, shape);
    const Axes& strides = std::get<2>(view);
    if (strides[3] != 1 && shape[3] > 1)
        throw pybind11::value_error(std::string(name) + " has channels that do not lie side by side");
    return {data_of<T>(view, name), {strides[0], strides[1], strides[2]}};
}

// What both passes are given.
struct Given {
    const View &q, &k, &v;
    const MaybeView& bias;
    double scale;
    bool softmax;
    std::int64_t map_lags;
    bool map_over_batch, map_over_heads;
};

template <class T>
Attention<T> attention(const Given& g) {
    const Axes& q = std::get<1>(g.q);
    const Axes& v = std::get<1>(g.v);
    const Axes& k = std::get<1>(g.k);
    if (q.size() != 4 || k.size() != 4 || v.size() != 4) throw pybind11::value_error("q, k, v do not have four axes");
    Attention<T> a{};
    a.n_batch = q[0], a.n_heads = q[1], a.n_rows = q[2], a.d_key = q[3], a.n_keys = k[2], a.d_value = v[3];
    for (const std::int64_t length : {a.n_batch, a.n_heads, a.n_rows, a.n_keys}) {
        if (length < 1) throw pybind11::value_error("an axis is empty");
    }
    a.q = tensor<T>(g.q, "q", {a.n_batch, a.n_heads, a.n_rows, a.d_key});
    a.k = tensor<T>(g.k, "k", {a.n_batch, a.n_heads, a.n_keys, a.d_key});
    a.v = tensor<T>(g.v, "v", {a.n_batch, a.n_heads, a.n_keys, a.d_value});
    a.scale = static_cast<T>(g.scale);
    a.softmax = g.softmax;
    a.bias_lags = 1;
    if (g.bias) {
        const Axes& shape = std::get<1>(*g.bias);
        if (shape.size() != 2 || shape[0] != a.n_rows || shape[1] < 1 || a.n_keys % shape[1] != 0 ||
            std::get<2>(*g.bias).size() != 2) {
            throw pybind11::value_error("bias has not the shape expected");
        }
        a.bias = data_of<T>(*g.bias, "bias");
        a.bias_strides[0] = std::get<2>(*g.bias)[0], a.bias_strides[1] = std::get<2>(*g.bias)[1];
        a.bias_lags = a.n_keys / shape[1];
    }
    if (g.map_lags < 1 || a.n_keys % g.map_lags != 0)
        throw pybind11::value_error("the keys are no multiple of map_lags");
    a.map_lags = g.map_lags, a.map_over_batch = g.map_over_batch, a.map_over_heads = g.map_over_heads;
    a.map_shared = static_cast<T>((g.map_over_batch ? a.n_batch : 1) * (g.map_over_heads ? a.n_heads : 1));
    return a;
}

template <class T>
std::int64_t map_size(const Attention<T>& a) {
    return (a.map_over_batch ? 1 : a.n_batch) * (a.map_over_heads ? 1 : a.n_heads) * a.n_rows * (a.n_keys / a.map_lags);
}

template <class T>
Attention<T> backward_attention(const Given& given, const MaybeView& grad_out, const MaybeView& grad_map,
                                const View& dq, const View& dk, const View& dv, const MaybeView& dbias) {
    Attention<T> a = attention<T>(given);
    if (grad_out) a.grad_out = tensor<T>(*grad_out, "grad_out", {a.n_batch, a.n_heads, a.n_rows, a.d_value});
    if (grad_map) a.grad_map = array<T>(*grad_map, "grad_map", map_size(a));
    a.dq = result<T>(dq, "dq", {a.n_batch, a.n_heads, a.n_rows, a.d_key});
    a.dk = result<T>(dk, "dk", {a.n_batch, a.n_heads, a.n_keys, a.d_key});
    a.dv = result<T>(dv, "dv", {a.n_batch, a.n_heads, a.n_keys, a.d_value});
    if (dbias) {
        if (a.bias == nullptr) throw pybind11::value_error("dbias without bias");
        a.dbias = array<T>(*dbias, "dbias", a.n_rows * (a.n_keys / a.bias_lags));
    }
    return a;
}

}  // namespace synfer
