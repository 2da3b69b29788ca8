#pragma once
#include <pybind11/numpy.h>

#include <vector>

#include "common/buffer_pool.hpp"

// Arrays whose memory is the pool's, and arrays that nobody can change any more.

namespace synfer {

inline constexpr const char* pool_capsule = "synfer.pool";

// Contents undefined; the memory goes back to the pool with the last array that views it.
inline pybind11::array pooled(const pybind11::dtype& dtype, const std::vector<pybind11::ssize_t>& shape) {
    std::size_t bytes = static_cast<std::size_t>(dtype.itemsize());
    for (const pybind11::ssize_t length : shape) {
        if (length < 0) throw pybind11::value_error("a negative length in shape");
        if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(length), &bytes)) throw std::bad_alloc();
    }
    void* buffer = BufferPool::shared().take(bytes);
    const pybind11::capsule owner(buffer, pool_capsule, [](PyObject* capsule) {
        BufferPool::shared().give_back(PyCapsule_GetPointer(capsule, pool_capsule));
    });
    return pybind11::array(dtype, shape, buffer, owner);
}

template <class T>
pybind11::array pooled(const std::vector<pybind11::ssize_t>& shape) {
    return pooled(pybind11::dtype::of<T>(), shape);
}

// Takes the right to write away from a pooled array for good: numpy gives it back only where the memory's owner, here a
// capsule, grants it.
inline pybind11::array frozen(pybind11::array array) {
    pybind11::detail::array_proxy(array.ptr())->flags &= ~pybind11::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    return array;
}

// Whether no one can write to the memory of this array, by whatever view of it.
inline bool is_frozen(const pybind11::array& array) {
    pybind11::object at = array;
    while (pybind11::isinstance<pybind11::array>(at)) {
        const auto one = pybind11::reinterpret_borrow<pybind11::array>(at);
        if (one.writeable() || one.owndata()) return false;
        at = one.base();
        if (!at) return false;
    }
    return PyCapsule_IsValid(at.ptr(), pool_capsule) != 0;
}

}  // namespace synfer
