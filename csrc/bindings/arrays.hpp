#pragma once
#include <pybind11/numpy.h>

#include <algorithm>
#include <string>
#include <vector>

// numpy's arrays as pointers, after a look at what memory safety needs.

namespace synfer {

using Shape = std::vector<pybind11::ssize_t>;

// Whether the dtype is equivalent to T's: an array that was unpickled has a dtype object of its own.
template <class T>
bool holds(const pybind11::array& array) {
    return pybind11::isinstance<pybind11::array_t<T>>(array);
}

// float32 rather than float64; anything else is refused under the array's name.
inline bool is_single(const pybind11::array& array, const char* name) {
    if (holds<float>(array)) return true;
    if (holds<double>(array)) return false;
    throw pybind11::value_error(std::string(name) + " are neither float32 nor float64");
}

// The data of an array that must have this type and shape and lie in C order. Arrays that do not are the caller's
// mistake: converting them here would hide a copy, or lose what was to be written.
template <class T>
T* data_of(const pybind11::array& array, const char* name, const Shape& shape, bool written) {
    const bool fits = holds<T>(array) && array.ndim() == static_cast<pybind11::ssize_t>(shape.size()) &&
                      std::equal(shape.begin(), shape.end(), array.shape()) &&
                      (array.flags() & pybind11::array::c_style) != 0 && (!written || array.writeable()) &&
                      reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) == 0;
    if (!fits) {
        throw pybind11::value_error(std::string(name) + " is not a C-contiguous, aligned" +
                                    (written ? ", writable" : "") + " array of the type and shape expected");
    }
    return const_cast<T*>(static_cast<const T*>(array.data()));
}

}  // namespace synfer
