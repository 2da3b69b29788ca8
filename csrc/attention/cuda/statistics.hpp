#pragma once
#include "attention/cuda/scores.hpp"

// What the backward pass must know of each row before it can make a gradient.

namespace synfer::SYNFER_LEVEL {

template <class U>
constexpr std::size_t statistics_shared_bytes(int d_key, int d_value) {
    return static_cast<std::size_t>(2 * U::tile_size(d_key, 0) + 2 * U::tile_size(d_value, 0)) *
           sizeof(typename U::Number);
}

// top, inverse and mean of each row, in one pass over the keys. Nothing is kept from the forward pass, as on the CPU;
// and where a loss is put on the map, sum_s A dA cannot be had from the output alone.
template <class U>
__global__ void __launch_bounds__(U::threads, U::blocks(Work::state, 0)) state_rows(const Pass<typename U::Number> p) {
    using T = typename U::Number;
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), S = static_cast<int>(a.n_keys), D = static_cast<int>(a.d_key);
    const int E = static_cast<int>(a.d_value);
    const std::int64_t which = blockIdx.x / p.row_tiles;
    const Head head{which / a.n_heads, which % a.n_heads};
    const int first = static_cast<int>(blockIdx.x % p.row_tiles) * tile_tokens;
    const U units;
    SharedMemory<T> memory;
    const auto q = units.tile(memory, D, 0), k = units.tile(memory, D, 0);
    const auto g = units.tile(memory, E, 0), v = units.tile(memory, E, 0);
    const auto q_from = units.queries(a.q, head, D, p.factor);
    const auto k_from = units.source(a.k, head, D);
    const auto v_from = units.source(a.v, head, E), g_from = units.source(a.grad_out, head, E);
    units.fetch(q, q_from, Consecutive{first, L});
    units.fetch(g, g_from, Consecutive{first, L});
    units.fetch(k, k_from, Consecutive{0, S});
    units.fetch(v, v_from, Consecutive{0, S});

    T top[U::n_rows], total[U::n_rows], mean[U::n_rows];
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) top[i] = nothing<T>(), total[i] = mean[i] = T(0);
    for (int begin = 0; begin < S; begin += tile_tokens) {
        const Consecutive here{begin, S}, next{begin + tile_tokens, S};
        units.template arrived<1>();  // the keys
        __syncthreads();
        Pairs<U> z, d;
        units.dot(q, k, z);
        __syncthreads();
        units.fetch(k, k_from, next);
        to_logits(units, p, first, here, nothing<T>(), z);
        units.template arrived<1>();  // the values
        __syncthreads();
        units.dot(g, v, d);
        __syncthreads();
        units.fetch(v, v_from, next);
        to_gradients<false>(units, p, head, first, here, d);
        T base[U::n_rows], shrink[U::n_rows];
#pragma unroll
        for (int i = 0; i < U::n_rows; ++i) {
            T most = top[i];
#pragma unroll
            for (int j = 0; j < U::n_columns; ++j) most = larger(most, z[i][j]);
            most = largest_over_lanes<U>(most);
            base[i] = base_of(most), shrink[i] = exponential_below(p, top[i], base[i]);
            top[i] = most;
        }
        to_exponentials(p, z, [&](int i, int) { return base[i]; });
#pragma unroll
        for (int i = 0; i < U::n_rows; ++i) {
            T sum = T(0), product = T(0);
#pragma unroll
            for (int j = 0; j < U::n_columns; ++j) sum += z[i][j], product = multiply_add(z[i][j], d[i][j], product);
            total[i] = multiply_add(total[i], shrink[i], sum);
            mean[i] = multiply_add(mean[i], shrink[i], product);
        }
    }
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) {
        const T sum = sum_over_lanes<U>(total[i]), product = sum_over_lanes<U>(mean[i]);
        const int row = first + units.row(i);
        if (!units.leads_rows() || row >= L) continue;
        const T inverse = sum == T(0) ? T(0) : T(1) / sum;
        p.top[which * L + row] = base_of(top[i]);
        p.inverse[which * L + row] = inverse;
        p.mean[which * L + row] = product * inverse;
    }
}

}  // namespace synfer::SYNFER_LEVEL
