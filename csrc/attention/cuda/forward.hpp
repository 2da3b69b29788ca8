#pragma once
#include "attention/cuda/scores.hpp"

// The forward pass in the manner of FlashAttention: a block owns 64 rows of a head and meets the keys a tile at a time;
// the largest logit so far and the sum of exponentials are corrected as it goes, and kept for the map. Each tile of
// keys is fetched while values are worked on, and the other way round.

namespace synfer::SYNFER_LEVEL {

template <class U>
constexpr std::size_t forward_shared_bytes(int d_key, int d_value, int C) {
    return static_cast<std::size_t>(2 * U::dotted_size(d_key, C) + U::mixable_size(d_value, C) + U::pairs_size) *
           sizeof(typename U::Number);
}

template <class U, int C>
__global__ void __launch_bounds__(U::threads, U::blocks(Work::attend, C)) attend(const Pass<typename U::Number> p) {
    using T = typename U::Number;
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value);
    const std::int64_t which = blockIdx.x / p.row_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.row_tiles) * tile_tokens;
    const U units;
    SharedMemory<T> memory;
    const auto q = units.template dotted<C>(memory, D), k = units.template dotted<C>(memory, D);
    const auto v = units.template mixable<C>(memory, E);
    T* const pairs = memory.next;
    const bool never = L < 0;
    const auto q_from = units.queries(a.q, head, D, p.factor);
    const auto k_from = units.source(a.k, head, D);
    const auto v_from = units.source(a.v, head, E);
    units.fetch(q, q_from, Consecutive{first, L});
    units.fetch(k, k_from, Consecutive{0, S});
    units.fetch(v, v_from, Consecutive{0, S});

    typename U::template Mixed<C> out(units);
    T top[U::n_rows], total[U::n_rows];
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) top[i] = nothing<T>(), total[i] = T(0);
    for (int begin = 0; begin < S; begin += tile_tokens) {
        const Consecutive here{begin, S}, next{begin + tile_tokens, S};
        units.template arrived<1>();  // the keys
        __syncthreads();
        const auto keys = units.begin(k, k_from, next);
        Pairs<U> z;
        units.dot(q, k, z);
        units.end(k, k_from, next, keys, units.barrier(never));
        to_logits(units, p, first, here, a.softmax ? nothing<T>() : T(0), z);
        if (a.softmax) {
            T base[U::n_rows], shrink[U::n_rows];
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) {
                T most = top[i];
#pragma unroll
                for (int j = 0; j < U::n_columns; ++j) most = larger(most, z[i][j]);
                most = largest_over_lanes<U>(most);
                base[i] = base_of(most), shrink[i] = exponential_below(p, top[i], base[i]);
                top[i] = most;
                out.scale(i, shrink[i]);
            }
            to_exponentials(p, z, [&](int i, int) { return base[i]; });
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) {
                T sum = T(0);
#pragma unroll
                for (int j = 0; j < U::n_columns; ++j) sum += z[i][j];
                total[i] = multiply_add(total[i], shrink[i], sum);
            }
        }
        units.template arrived<1>();  // the values
        __syncthreads();
        const auto values = units.begin(v, v_from, next);
        out.add(units, z, v, pairs);
        units.end(v, v_from, next, values, units.barrier(never));
    }

    T factor[U::n_rows];
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) {
        const T sum = sum_over_lanes<U>(total[i]);
        factor[i] = !a.softmax ? T(1) : sum == T(0) ? T(0) : T(1) / sum;
        const int row = first + units.row(i);
        if (p.top != nullptr && units.leads_rows() && row < L) {
            p.top[which * L + row] = base_of(top[i]);
            p.inverse[which * L + row] = factor[i];
        }
    }
    out.store(units, a.out, head, first, L, E, factor);
}

}  // namespace synfer::SYNFER_LEVEL
