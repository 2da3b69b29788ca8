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

// Heads of few rows and few keys, many to a block (see few.hpp).
constexpr int few_threads = 128;
constexpr std::int64_t few_tokens = 16, few_channels = 16;  // at most

// Whether they are such, and nothing is asked for that the kernels for them do not make: a map, the gradient of one or
// of a bias, bfloat16. All else is for the kernels whose tiles have 64 tokens. The one place where that is decided.
template <class T>
bool is_few(const Attention<T>&);

// Pieces are 16 bytes. An odd number from head to head, so that threads of a warp that read the same place of several
// heads meet different banks.
constexpr int few_pitch(int n_tokens, int token_pieces) { return (n_tokens * (token_pieces + 1)) | 1; }

struct FewPlan {
    int heads;           // of a block
    int keys, channels;  // that a head has room for: the kernel is compiled for these
    std::size_t shared_bytes;
    std::int64_t blocks;
};
template <class T>
FewPlan plan_few(const Attention<T>&, bool backward);

}  // namespace synfer::cuda
