#pragma once
#include <cstddef>

#include "attention/attention.hpp"

// How the kernels' work is cut into blocks of threads, and what they need beside the tensors. By the shapes alone: the
// same bits on every device of a kind.

namespace synfer::cuda {

// How a sum over heads and lags is cut: see map.hpp.
struct SumPlan {
    std::int64_t n_columns, lags, column_tiles, width, packed, n_sums;
    std::int64_t count, blocks;  // of the whole sum, and all its blocks
};

std::int64_t tiles_of(std::int64_t n_tokens);
template <class T>
SumPlan plan_map(const Attention<T>&);
template <class T>
SumPlan plan_bias(const Attention<T>&);

// Where the parts of a workspace begin, in elements.
struct Parts {
    std::int64_t top, inverse, mean, sums, end;
};
template <class T>
Parts forward_parts(const Attention<T>&);
template <class T>
Parts backward_parts(const Attention<T>&);

}  // namespace synfer::cuda
