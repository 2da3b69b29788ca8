#pragma once
#include <cstddef>

#include "attention/attention.hpp"

// How the kernels' work is cut into blocks of threads, and what they need beside the tensors: by the shapes and the
// number of the device's processors, so that all devices of a kind find the same bits.

namespace synfer::cuda {

// How a sum over heads and lags is cut: see map.hpp.
struct SumPlan {
    std::int64_t n_columns, lags, column_tiles, width, packed, n_sums;
    std::int64_t count, blocks;  // of the whole sum, and all its blocks
};

std::int64_t tiles_of(std::int64_t n_tokens);
template <class T>
SumPlan plan_map(const Attention<T>&, std::int64_t processors);
template <class T>
SumPlan plan_bias(const Attention<T>&, std::int64_t processors);

// Where the parts of a workspace begin, in elements.
struct Parts {
    std::int64_t top, inverse, mean, sums, end;
};
template <class T>
Parts forward_parts(const Attention<T>&, std::int64_t processors);
template <class T>
Parts backward_parts(const Attention<T>&, std::int64_t processors);

}  // namespace synfer::cuda
