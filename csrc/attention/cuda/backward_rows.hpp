#pragma once
#include "attention/cuda/scores.hpp"

// The gradients of q, by blocks that own rows, and of k and v, by blocks that own keys. No sum has more than one owner,
// so that there are no atomic additions.

namespace synfer::SYNFER_LEVEL {

// With top, inverse and mean of the rows of a tile, which blocks that own keys keep in shared memory.
template <class U>
constexpr std::size_t gradient_shared_bytes(int d_key, int d_value, int C) {
    return static_cast<std::size_t>(2 * U::tile_size(d_key, C) + 2 * U::tile_size(d_value, C) + U::pairs_size +
                                    3 * tile_tokens) *
           sizeof(typename U::Number);
}

// dq = scale dz k
template <class U, int C>
__global__ void __launch_bounds__(U::threads, U::blocks(Work::differentiate, C))
    differentiate_rows(const Pass<typename U::Number> p) {
    using T = typename U::Number;
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value);
    const std::int64_t which = blockIdx.x / p.row_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.row_tiles) * tile_tokens;
    const U units;
    SharedMemory<T> memory;
    const auto q = units.tile(memory, D, 0), k = units.tile(memory, D, C);
    const auto g = units.tile(memory, E, 0), v = units.tile(memory, E, 0);
    T* const pairs = memory.next;
    const auto q_from = units.queries(a.q, head, D, p.factor);
    const auto k_from = units.source(a.k, head, D);
    const auto v_from = units.source(a.v, head, E), g_from = units.source(a.grad_out, head, E);
    units.fetch(q, q_from, Consecutive{first, L});
    units.fetch(g, g_from, Consecutive{first, L});
    units.fetch(v, v_from, Consecutive{0, S});
    units.fetch(k, k_from, Consecutive{0, S});
    Row<T> rows[U::n_rows];
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) rows[i] = Row<T>(p, head, first + units.row(i));

    typename U::template Mixed<C> dq(units);
    for (int begin = 0; begin < S; begin += tile_tokens) {
        const Consecutive here{begin, S}, next{begin + tile_tokens, S};
        units.template arrived<1>();  // the values
        __syncthreads();
        Pairs<U> z, d;
        units.dot(g, v, d);
        __syncthreads();
        units.fetch(v, v_from, next);
        to_gradients<false>(units, p, head, first, here, d);
        units.template arrived<1>();  // the keys
        __syncthreads();
        if (a.softmax) {
            units.dot(q, k, z);
            to_logits(units, p, first, here, nothing<T>(), z);
            to_exponentials(p, z, [&](int i, int) { return rows[i].top; });
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) {
#pragma unroll
                for (int j = 0; j < U::n_columns; ++j) d[i][j] = z[i][j] * (rows[i].inverse * (d[i][j] - rows[i].mean));
            }
        }
        dq.add(units, d, k, pairs);
        __syncthreads();
        units.fetch(k, k_from, next);
    }
    T factor[U::n_rows];
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) factor[i] = a.scale;
    dq.store(units, a.dq, head, first, L, D, factor);
}

}  // namespace synfer::SYNFER_LEVEL
