#pragma once
#include "common/pieces.hpp"
#include "ensemble/cpu/product.hpp"
#include "ensemble/drop.hpp"
#include "ensemble/ensemble.hpp"

// What the kernels share: the workspace, tokens on their way into it and out, and who is dropped.

namespace synfer::SYNFER_LEVEL {

// Tokens worked on at a time: whole tiles at every level, and few enough that all their activations stay in the cache.
constexpr std::int64_t block_tokens = 48;

// A block's activations, (token, channel). A product may read a tile beyond the last channel of the last token.
template <class T>
T* take_block(Pieces& pieces, std::int64_t n_channels) {
    return pieces.take<T>(block_tokens * row_width<T>(n_channels) + tile_rows);
}

template <class T>
SYNFER_DEVICE T* token(const Tokens<T>& x, std::int64_t t, std::int64_t group) {
    return x.data + t * x.token_stride + group * x.group_stride;
}

// visit(first token, number of tokens) for each block of a segment.
template <class Visit>
SYNFER_DEVICE void each_block(const Segment& s, Visit visit) {
    for (std::int64_t t = s.begin; t < s.end; t += block_tokens) {
        visit(t, s.end - t < block_tokens ? s.end - t : block_tokens);
    }
}

template <class T>
SYNFER_DEVICE void copy_in(const Tokens<const T>& x, std::int64_t first, std::int64_t count, std::int64_t group,
                           std::int64_t n, T* __restrict__ to) {
    for (std::int64_t t = 0; t < count; ++t, to += row_width<T>(n)) {
        const T* from = token(x, first + t, group);
#pragma omp simd
        for (std::int64_t j = 0; j < n; ++j) to[j] = from[j];
    }
}

template <class T>
SYNFER_DEVICE void clear(T* x, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) x[i] = T(0);
}

template <class T>
SYNFER_DEVICE void add_to(T* __restrict__ sum, const T* x, std::int64_t n) {
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) sum[i] += x[i];
}

// sum_k x[k] y[k] for n numbers side by side, in an order that the level's vectors do not change.
template <class T>
SYNFER_DEVICE T dot_in_order(const T* x, const T* y, std::int64_t n) {
    T sum[16] = {};
    std::int64_t k = 0;
    for (; k + 16 <= n; k += 16) {
#pragma omp simd
        for (std::int64_t j = 0; j < 16; ++j) sum[j] = multiply_add(x[k + j], y[k + j], sum[j]);
    }
    T rest = T(0);
    for (; k < n; ++k) rest = multiply_add(x[k], y[k], rest);
    for (int j = 0; j < 16; ++j) rest += sum[j];
    return rest;
}

constexpr std::int64_t drop_width(std::int64_t n) { return 8 * drop_blocks(n); }

// factor (drop_width) of one token: 0 where the element is dropped, else what it is scaled by.
template <class T>
SYNFER_DEVICE void drop_factors(const Drop& drop, std::uint32_t stream, std::int64_t group, std::int64_t token,
                                std::int64_t n, T* __restrict__ factor) {
    const std::int64_t blocks = drop_blocks(n);
    const std::uint32_t threshold = drop.threshold;
    if (threshold == 0) {
        for (std::int64_t j = 0; j < n; ++j) factor[j] = T(1);
        return;
    }
    const T scale = drop_scale<T>(threshold);
#pragma omp simd
    for (std::int64_t b = 0; b < blocks; ++b) {
        const Words w = drop_words(drop, stream, group, token, b);
        factor[b] = (w.w0 & 0xffffu) >= threshold ? scale : T(0);
        factor[blocks + b] = (w.w0 >> 16) >= threshold ? scale : T(0);
        factor[2 * blocks + b] = (w.w1 & 0xffffu) >= threshold ? scale : T(0);
        factor[3 * blocks + b] = (w.w1 >> 16) >= threshold ? scale : T(0);
        factor[4 * blocks + b] = (w.w2 & 0xffffu) >= threshold ? scale : T(0);
        factor[5 * blocks + b] = (w.w2 >> 16) >= threshold ? scale : T(0);
        factor[6 * blocks + b] = (w.w3 & 0xffffu) >= threshold ? scale : T(0);
        factor[7 * blocks + b] = (w.w3 >> 16) >= threshold ? scale : T(0);
    }
}

}  // namespace synfer::SYNFER_LEVEL
