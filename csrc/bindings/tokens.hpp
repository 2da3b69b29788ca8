#pragma once
#include <string>
#include <type_traits>

#include "bindings/views.hpp"
#include "ensemble/layers.hpp"

// Activations of an ensemble from what Python gives, checked: for the CPU and for CUDA devices.

namespace synfer {

struct Shape {
    std::int64_t n_tokens, n_groups, n_channels;
};

inline Shape shape_of(const View& view, const char* name) {
    const Axes& shape = std::get<1>(view);
    if (shape.size() != 3) throw pybind11::value_error(std::string(name) + " is not (group, token, channel)");
    for (const std::int64_t length : shape) {
        if (length < 1) throw pybind11::value_error(std::string(name) + " has an empty axis");
    }
    return {shape[1], shape[0], shape[2]};
}

template <class T>
Tokens<T> tokens(const View& view, const char* name, const Shape& shape) {
    using Plain = std::remove_const_t<T>;
    const Axes& strides = std::get<2>(view);
    const Shape own = shape_of(view, name);
    if (own.n_tokens != shape.n_tokens || own.n_groups != shape.n_groups || own.n_channels != shape.n_channels ||
        strides.size() != 3 || (strides[2] != 1 && shape.n_channels > 1)) {
        throw pybind11::value_error(std::string(name) + " has not the shape expected");
    }
    return {data_of<Plain>(view, name), strides[1], strides[0]};
}

}  // namespace synfer
