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
// Shared memory of a block that has heads of few tokens, if it has several: a processor then holds six and more.
constexpr std::size_t few_shared_bytes = 36 << 10;

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
    if (is_few(a)) return parts;
    const std::int64_t rows = a.softmax ? aligned(a.n_batch * a.n_heads * a.n_rows) : 0;
    parts.inverse = rows, parts.mean = 2 * rows, parts.sums = parts.end = 3 * rows;
    if (a.dbias == nullptr) return parts;
    const SumPlan sums = plan_bias(a, processors);
    parts.end += sums.n_sums > 1 ? sums.n_sums * sums.count : 0;
    return parts;
}

template <class T>
bool is_few(const Attention<T>& a) {
    if (a.map != nullptr || a.grad_map != nullptr || a.dbias != nullptr) return false;
    for (const Tensor4* x : {&a.q, &a.k, &a.v, &a.grad_out}) {
        if (x->data != nullptr && x->scalar == Scalar::bfloat16) return false;
    }
    return std::max(a.n_rows, a.n_keys) <= few_tokens && std::max(a.d_key, a.d_value) <= few_channels &&
           a.n_batch <= 0x7fffffff / a.n_heads;
}

template <class T>
FewPlan plan_few(const Attention<T>& a, bool backward) {
    const int rows = static_cast<int>(a.n_rows), keys = static_cast<int>(a.n_keys);
    FewPlan plan{};
    plan.keys = keys <= 8 ? 8 : keys <= 10 ? 10 : 16;
    plan.channels = std::max(a.d_key, a.d_value) <= 8 ? 8 : 16;
    // Queries, keys and values; backward the output's gradients too, and a weight and its gradient for each pair.
    const int pieces = plan.channels / static_cast<int>(16 / sizeof(T)), passes = backward ? 2 : 1;
    const std::size_t head_bytes =
        static_cast<std::size_t>(passes * few_pitch(rows, pieces) + 2 * few_pitch(plan.keys, pieces)) * 16 +
        static_cast<std::size_t>(backward ? 2 * few_pitch(rows, plan.keys) : 0) * sizeof(T);
    // A thread has one row at most, and in turn as many keys as others, as nearly as may be.
    int heads = std::min(few_threads / rows, std::max(1, static_cast<int>(few_shared_bytes / head_bytes)));
    if (const int turns = heads * keys / few_threads; backward && turns > 0) heads = turns * few_threads / keys;
    plan.heads = static_cast<int>(std::min<std::int64_t>(heads, a.n_batch * a.n_heads));
    plan.shared_bytes = head_bytes * static_cast<std::size_t>(plan.heads);
    plan.blocks = divided_up(a.n_batch * a.n_heads, plan.heads);
    return plan;
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
    template bool is_few<T>(const Attention<T>&);                                       \
    template FewPlan plan_few<T>(const Attention<T>&, bool);                            \
    template std::size_t attention_forward_bytes<T>(const Attention<T>&, std::int64_t); \
    template std::size_t attention_backward_bytes<T>(const Attention<T>&, std::int64_t);
SYNFER_INSTANCES(float)
SYNFER_INSTANCES(double)
#undef SYNFER_INSTANCES

}  // namespace synfer::cuda
