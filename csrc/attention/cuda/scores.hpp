#pragma once
#include <cmath>

#include "attention/cuda/products.hpp"

// From products to logits, weights and their gradients, one pair of a row and a key at a time.

namespace synfer::SYNFER_LEVEL {

__device__ inline float power_of_two(float x) { return exp2f(x); }
__device__ inline double power_of_two(double x) { return exp2(x); }

// exp(z - top), for z at most top: the difference first, so that large logits keep their digits.
template <class T>
__device__ inline T exponential_below(T z, T top) {
    return power_of_two((z - top) * T(1.4426950408889634));
}

template <class T>
__device__ inline T nothing() {
    return -static_cast<T>(INFINITY);
}
// What the largest logit of a row counts as: 0 where all are -inf, so that their weights are 0 and not 0 / 0.
template <class T>
__device__ inline T base_of(T top) {
    return top == nothing<T>() ? T(0) : top;
}

template <class T>
__device__ inline T logit(const Attention<T>& a, T product, int row, int bias_column) {
    if (a.bias == nullptr) return product * a.scale;
    return multiply_add(product, a.scale, a.bias[row * a.bias_strides[0] + bias_column * a.bias_strides[1]]);
}

// Where a head's gradient of the map begins, null for none.
template <class T>
__device__ inline const T* map_gradient(const Attention<T>& a, Head head) {
    if (a.grad_map == nullptr) return nullptr;
    const std::int64_t slice =
        (a.map_over_batch ? 0 : head.batch) * (a.map_over_heads ? 1 : a.n_heads) + (a.map_over_heads ? 0 : head.head);
    return a.grad_map + slice * a.n_rows * (a.n_keys / a.map_lags);
}

// What is known of a row: see Pass.
template <class T>
struct Row {
    T top, inverse, mean;

    __device__ Row() : top(0), inverse(1), mean(0) {}
    __device__ Row(const Pass<T>& p, Head head, int row) : Row() {
        if (!p.a.softmax || row >= p.a.n_rows) return;
        const std::int64_t at = (head.batch * p.a.n_heads + head.head) * p.a.n_rows + row;
        top = p.top[at], inverse = p.inverse[at];
        if (p.mean != nullptr) mean = p.mean[at];
    }
};

// A: from z, a product, of a pair that is `here`, 0 of others.
template <class T>
__device__ inline T weight(const Attention<T>& a, T z, const Row<T>& of, int row, int bias_column, bool here) {
    if (!here) return T(0);
    const T score = logit(a, z, row, bias_column);
    return a.softmax ? exponential_below(score, of.top) * of.inverse : score;
}
// dA: from d, the product of the output's gradient and the value, and the map's gradient, null for none.
template <class T>
__device__ inline T dweight(const Attention<T>& a, T d, const T* grad_map, int row, int map_column, bool here) {
    if (!here || grad_map == nullptr) return d;
    const std::int64_t columns = a.n_keys / a.map_lags;
    return multiply_add(grad_map[row * columns + map_column], T(1) / a.map_shared, d);
}
// dz: from both.
template <class T>
__device__ inline T dscore(const Attention<T>& a, T w, T d, const Row<T>& of, bool here) {
    if (!here) return T(0);
    return a.softmax ? w * (d - of.mean) : d;
}

}  // namespace synfer::SYNFER_LEVEL
