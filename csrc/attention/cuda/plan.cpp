// How work is cut into blocks of threads, and how large the workspace is.
#include "attention/cuda/plan.hpp"

#include <algorithm>

#include "attention/cuda/launch.hpp"

namespace synfer::cuda {
namespace {

constexpr std::int64_t tile = 64;  // tile_tokens of layout.hpp, which is for kernels
// Blocks for each processor, several rounds of what it holds at once: with fewer tiles, blocks share the heads.
constexpr std::int64_t blocks_a_processor = 8;
// For the sums of blocks that share the heads, all of them together.
constexpr std::int64_t shared_sums_bytes = 64 << 20;

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

template <class T>
SumPlan plan(const Attention<T>& a, std::int64_t lags, bool over_batch, bool over_heads, std::int64_t processors) {
    SumPlan p{};
    p.n_columns = a.n_keys / lags, p.lags = lags;
    p.column_tiles = divided_up(p.n_columns, tile);
    p.width = divided_up(p.n_columns, p.column_tiles);
    p.packed = std::min(tile / p.width, lags);
    const std::int64_t members = (over_batch ? a.n_batch : 1) * (over_heads ? a.n_heads : 1);
    const std::int64_t slices = a.n_batch * a.n_heads / members;
    const std::int64_t tiles = tiles_of(a.n_rows) * p.column_tiles * slices;
    p.count = slices * a.n_rows * p.n_columns;
    const std::int64_t fit = shared_sums_bytes / (p.count * static_cast<std::int64_t>(sizeof(T)));
    p.n_sums = std::max<std::int64_t>(1, std::min({members, divided_up(blocks_a_processor * processors, tiles), fit}));
    p.blocks = tiles * p.n_sums;
    return p;
}

// Multiples of 4 elements, so that each part is aligned for four at once.
std::int64_t aligned(std::int64_t n) { return divided_up(n, 4) * 4; }

}  // namespace

std::int64_t tiles_of(std::int64_t n_tokens) { return divided_up(n_tokens, tile); }

template <class T>
SumPlan plan_map(const Attention<T>& a, std::int64_t processors) {
    return plan(a, a.map_lags, a.map_over_batch, a.map_over_heads, processors);
}
template <class T>
SumPlan plan_bias(const Attention<T>& a, std::int64_t processors) {
    return plan(a, a.bias_lags, true, true, processors);
}

template <class T>
Parts forward_parts(const Attention<T>& a, std::int64_t processors) {
    Parts parts{};
    if (a.map == nullptr) return parts;
    const std::int64_t rows = a.softmax ? aligned(a.n_batch * a.n_heads * a.n_rows) : 0;
    const SumPlan sums = plan_map(a, processors);
    parts.inverse = rows, parts.mean = parts.sums = 2 * rows;
    parts.end = parts.sums + (sums.n_sums > 1 ? sums.n_sums * sums.count : 0);
    return parts;
}

template <class T>
Parts backward_parts(const Attention<T>& a, std::int64_t processors) {
    Parts parts{};
    const std::int64_t rows = a.softmax ? aligned(a.n_batch * a.n_heads * a.n_rows) : 0;
    parts.inverse = rows, parts.mean = 2 * rows, parts.sums = parts.end = 3 * rows;
    if (a.dbias == nullptr) return parts;
    const SumPlan sums = plan_bias(a, processors);
    parts.end += sums.n_sums > 1 ? sums.n_sums * sums.count : 0;
    return parts;
}

template <class T>
std::size_t attention_forward_bytes(const Attention<T>& a, std::int64_t processors) {
    return static_cast<std::size_t>(forward_parts(a, processors).end) * sizeof(T);
}
template <class T>
std::size_t attention_backward_bytes(const Attention<T>& a, std::int64_t processors) {
    return static_cast<std::size_t>(backward_parts(a, processors).end) * sizeof(T);
}

#define SYNFER_INSTANCES(T)                                                             \
    template SumPlan plan_map<T>(const Attention<T>&, std::int64_t);                    \
    template SumPlan plan_bias<T>(const Attention<T>&, std::int64_t);                   \
    template Parts forward_parts<T>(const Attention<T>&, std::int64_t);                 \
    template Parts backward_parts<T>(const Attention<T>&, std::int64_t);                \
    template std::size_t attention_forward_bytes<T>(const Attention<T>&, std::int64_t); \
    template std::size_t attention_backward_bytes<T>(const Attention<T>&, std::int64_t);
SYNFER_INSTANCES(float)
SYNFER_INSTANCES(double)
#undef SYNFER_INSTANCES

}  // namespace synfer::cuda
