#pragma once
#include "simulator/cpu/neuron.hpp"

namespace synfer::SYNFER_LEVEL {

// Rows of values that do not change, (row, element). Where all elements have one value, a row is as long as a block and
// serves for every block: large networks then need no memory traffic for it.
template <class T>
struct ConstantRows {
    T* values;
    std::int64_t width;
    std::int64_t advances[max_coefficients];  // by how much a row advances with an element: 1 or 0

    void find_uniform(int n_rows, std::int64_t n_elements) {
        for (int r = 0; r < n_rows; ++r) {
            const T* row = values + r * width;
            bool uniform = width > block_units;
            for (std::int64_t e = 1; uniform && e < n_elements; ++e) uniform = row[e] == row[0];
            advances[r] = uniform ? 0 : 1;
        }
    }
    const T* at(int r, std::int64_t lo) const { return values + r * width + advances[r] * lo; }
};

}  // namespace synfer::SYNFER_LEVEL
