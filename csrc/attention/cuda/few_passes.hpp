#pragma once
#include "attention/cuda/few.hpp"

// Both passes over heads of few tokens. K, C: keys and channels that a head has room for.

namespace synfer::SYNFER_LEVEL {

// Of the forward pass, that a processor is to hold at once; 0: whatever the compiler finds, 8 to 12 as it is.
template <class T>
constexpr int few_blocks = sizeof(T) == sizeof(float) ? 0 : 3;

template <class T, int K, int C>
__global__ void __launch_bounds__(few_threads, few_blocks<T>) attend_few(const FewPass<T> p) {
    const Attention<T>& a = p.pass.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value);
    const FewHeads<T, C> heads(p);
    SharedMemory<Piece<T>> memory;
    const auto q = few_tile<T, C>(memory, p.heads, L);
    const auto k = few_tile<T, C>(memory, p.heads, K), v = few_tile<T, C>(memory, p.heads, K);
    heads.fetch(q, a.q, p.q, D, L, L, p.by_rows);
    heads.fetch(k, a.k, p.k, D, S, K, p.by_room);
    heads.fetch(v, a.v, p.v, E, S, K, p.by_room);
    heads.arrived();

    const int thread = static_cast<int>(threadIdx.x), head = p.by_rows.divide(thread), row = thread - head * L;
    if (head < heads.here) {
        T w[K];
        dot_keys(q.token(head, row), k, head, w);
        const T factor = to_weights(p.pass, row, w);
        Piece<T> out[FewTile<T, C>::pieces] = {};
#pragma unroll
        for (int s = 0; s < K; ++s) add_token(out, w[s], v.token(head, s));
        put_token(q.token(head, row), out, factor);  // nobody else has read this query
    }
    __syncthreads();
    heads.store(q, a.out, p.out, E, L, p.by_rows);
}

// A weight and the gradient of its logit.
template <class T>
struct alignas(2 * sizeof(T)) FewPair {
    T weight, gradient;
};

template <class T, int K, int C>
__global__ void __launch_bounds__(few_threads) differentiate_few(const FewPass<T> p) {
    constexpr int pieces = FewTile<T, C>::pieces;
    const Attention<T>& a = p.pass.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value);
    const FewHeads<T, C> heads(p);
    SharedMemory<Piece<T>> memory;
    const auto q = few_tile<T, C>(memory, p.heads, L), g = few_tile<T, C>(memory, p.heads, L);
    const auto k = few_tile<T, C>(memory, p.heads, K), v = few_tile<T, C>(memory, p.heads, K);
    FewPair<T>* const pairs = reinterpret_cast<FewPair<T>*>(memory.next);
    const int head_pairs = few_pitch(L, K);
    heads.fetch(q, a.q, p.q, D, L, L, p.by_rows);
    heads.fetch(k, a.k, p.k, D, S, K, p.by_room);
    heads.fetch(v, a.v, p.v, E, S, K, p.by_room);
    heads.fetch(g, a.grad_out, p.grad_out, E, L, L, p.by_rows);
    heads.arrived();

    const int thread = static_cast<int>(threadIdx.x), head = p.by_rows.divide(thread), row = thread - head * L;
    Piece<T> dq[pieces] = {};
    if (head < heads.here) {
        T w[K], d[K];
        dot_keys(q.token(head, row), k, head, w);
        dot_keys(g.token(head, row), v, head, d);
        const T factor = to_weights(p.pass, row, w);
        T mean = T(0);
#pragma unroll
        for (int s = 0; s < K; ++s) {
            w[s] *= factor, d[s] = s < S ? d[s] : T(0);
            mean = multiply_add(w[s], d[s], mean);
        }
        FewPair<T>* const to = pairs + head * head_pairs + row * (K + 1);
#pragma unroll
        for (int s = 0; s < K; ++s) {
            if (a.softmax) d[s] = w[s] * (d[s] - mean);
            to[s] = {w[s], d[s]};
            add_token(dq, d[s], k.token(head, s));
        }
    }
    __syncthreads();
    // Keys and values have been read: their gradients come in their place.
    for (int i = thread; i < heads.here * S; i += few_threads) {
        const int of = p.by_keys.divide(i), key = i - of * S;
        const FewPair<T>* const from = pairs + of * head_pairs + key;
        Piece<T> dk[pieces] = {}, dv[pieces] = {};
#pragma unroll 2
        for (int r = 0; r < L; ++r) {
            const FewPair<T> pair = from[r * (K + 1)];
            add_token(dv, pair.weight, g.token(of, r));
            add_token(dk, pair.gradient, q.token(of, r));
        }
        put_token(k.token(of, key), dk, a.scale);
        put_token(v.token(of, key), dv, T(1));
    }
    __syncthreads();
    if (head < heads.here) put_token(q.token(head, row), dq, a.scale);
    heads.store(k, a.dk, p.dk, D, S, p.by_keys);
    heads.store(v, a.dv, p.dv, E, S, p.by_keys);
    __syncthreads();
    heads.store(q, a.dq, p.dq, D, L, p.by_rows);
}

}  // namespace synfer::SYNFER_LEVEL
