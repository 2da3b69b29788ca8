#pragma once
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

// Tensors as Python hands them over, raw: for operators, which know how their tensors lie.

namespace synfer {

using Axes = std::vector<std::int64_t>;
// Address, shape, strides in elements, and "float32", "float64" or "bfloat16".
using View = std::tuple<std::uintptr_t, Axes, Axes, std::string>;
using MaybeView = std::optional<View>;

template <class T>
bool is_of(const View& view) {
    return std::get<3>(view) == (sizeof(T) == sizeof(double) ? "float64" : "float32");
}

// Of a tensor that is not empty: what only stands for one has no memory.
template <class T>
T* data_of(const View& view, const char* name) {
    bool empty = false;
    for (const std::int64_t length : std::get<1>(view)) empty = empty || length == 0;
    if (std::get<0>(view) == 0 && !empty) throw pybind11::value_error(std::string(name) + " has no memory");
    if (!is_of<T>(view)) throw pybind11::value_error(std::string(name) + " is not of the dtype computed in");
    return reinterpret_cast<T*>(std::get<0>(view));
}

// The data of `size` elements in C order.
template <class T>
T* array(const View& view, const char* name, std::int64_t size) {
    const Axes &shape = std::get<1>(view), &strides = std::get<2>(view);
    std::int64_t step = 1;
    bool fits = shape.size() == strides.size();
    for (std::size_t axis = shape.size(); fits && axis-- > 0;) {
        fits = shape[axis] == 1 || strides[axis] == step;
        step *= shape[axis];
    }
    if (!fits || step != size) {
        throw pybind11::value_error(std::string(name) + " is not a C-contiguous array of that size");
    }
    return data_of<T>(view, name);
}
// The data in C order of exactly that shape.
template <class T>
T* array(const View& view, const char* name, const Axes& shape) {
    if (std::get<1>(view) != shape) throw pybind11::value_error(std::string(name) + " has not the shape expected");
    std::int64_t size = 1;
    for (const std::int64_t length : shape) size *= length;
    return array<T>(view, name, size);
}
template <class T>
T* array(const MaybeView& view, const char* name, const Axes& shape) {
    return view ? array<T>(*view, name, shape) : nullptr;
}

// A number of threads that a system might grant.
inline int at_least_one(int n_threads) {
    if (n_threads < 1) throw pybind11::value_error("n_threads < 1");
    return n_threads < 1024 ? n_threads : 1024;
}

}  // namespace synfer
