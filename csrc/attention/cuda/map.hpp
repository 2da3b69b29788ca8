#pragma once
#include "attention/cuda/sums.hpp"

// The map, and the gradient of the bias: sums over heads and lags of A, or of dz. A block owns 64 rows and some columns
// of a sum, meets every head and lag that is summed over, makes the weights anew from the logits and what is known of
// their rows, adds them in registers and writes once. Where there are few such blocks, several share the heads, and
// what each found is added up afterwards, in their order.

namespace synfer::SYNFER_LEVEL {

// C: the room for channels, of arithmetic that must know it beforehand; otherwise 0.
template <class U, int C, bool Gradient>
__global__ void __launch_bounds__(U::threads, U::blocks(Work::add, C))
    add_weights(const SumPass<typename U::Number> s) {
    using T = typename U::Number;
    constexpr int buffers = U::template fetched_at_once<Gradient>;
    const Pass<T>& p = s.pass;
    const Attention<T>& a = p.a;
    const int L = static_cast<int>(a.n_rows), D = static_cast<int>(a.d_key), E = static_cast<int>(a.d_value);
    std::int64_t block = blockIdx.x;
    const int first = static_cast<int>(block % p.row_tiles) * tile_tokens;
    block /= p.row_tiles;
    const int first_column = static_cast<int>(block % s.column_tiles) * s.width;
    block /= s.column_tiles;
    const std::int64_t batches = s.over_batch ? a.n_batch : 1, heads = s.over_heads ? a.n_heads : 1;
    const std::int64_t slices = a.n_batch * a.n_heads / (batches * heads), slice = block % slices;
    const std::int64_t sum = block / slices, members = batches * heads, slice_heads = s.over_heads ? 1 : a.n_heads;
    const int left = s.n_columns - first_column, width = left < s.width ? left : s.width;

    const U units;
    SharedMemory<T> memory;
    int* const keys = reinterpret_cast<int*>(memory.take(tile_tokens));
    int* const lags = reinterpret_cast<int*>(memory.take(tile_tokens));
    T* const whole = s.puts_by ? memory.take(tile_tokens * (tile_tokens + 1)) : memory.next;
    using Tile = decltype(units.template dotted<C>(memory, 0));
    Tile q[buffers], k[buffers], g[buffers], v[buffers];
#pragma unroll
    for (int i = 0; i < buffers; ++i) {
        q[i] = units.template dotted<C>(memory, D), k[i] = units.template dotted<C>(memory, D);
        if constexpr (Gradient) g[i] = units.template dotted<C>(memory, E), v[i] = units.template dotted<C>(memory, E);
    }
    for (int x = static_cast<int>(threadIdx.x); x < tile_tokens; x += U::threads) {
        const int lag = x / s.width, column = x % s.width;
        const bool here = column < width && lag < s.packed;
        keys[x] = here ? (first_column + column) * s.lags + lag : -1;
        lags[x] = lag;
    }
    __syncthreads();

    const auto head_of = [&](std::int64_t m) {
        return Head{s.over_batch ? m / heads : slice / slice_heads, s.over_heads ? m % heads : slice % slice_heads};
    };
    std::int64_t m = sum * members / s.n_sums;
    const std::int64_t end = (sum + 1) * members / s.n_sums;
    const Consecutive own{first, L};
    const bool never = L < 0;
    Pairs<U> part = {};
    if (s.puts_by) units.put_pairs(whole, part);
    Head head = head_of(m);
    Row<T> rows[U::n_rows];
#pragma unroll
    for (int i = 0; i < U::n_rows; ++i) rows[i] = Row<T>(p, head, first + units.row(i));
    int added = 0, head_parity = 0, parity = 0, lag = 0;
    units.fetch(q[0], units.queries(a.q, head, D, p.factor), own);
    units.fetch(k[0], units.source(a.k, head, D), Places{keys, lags, s.lags, s.packed, 0});
    if constexpr (Gradient) {
        units.fetch(g[0], units.source(a.grad_out, head, E), own);
        units.fetch(v[0], units.source(a.v, head, E), Places{keys, lags, s.lags, s.packed, 0});
    }
    while (m < end) {
        units.template arrived<0>();
        __syncthreads();
        const bool last = lag + s.packed >= s.lags;
        const std::int64_t next_m = last ? m + 1 : m;
        const int next_lag = last ? 0 : lag + s.packed, next_head_parity = last ? 1 - head_parity : head_parity;
        const Head next_head = last && next_m < end ? head_of(next_m) : head;
        const Places places{keys, lags, s.lags, s.packed, lag};
        const Places next{keys, lags, next_m < end ? s.lags : 0, s.packed, next_lag};
        const auto next_keys = units.source(a.k, next_head, D);
        const auto next_queries = units.queries(a.q, next_head, D, p.factor);
        const Tile& next_k = buffers == 2 && !parity ? k[buffers - 1] : k[0];
        const Tile& next_q = buffers == 2 && next_head_parity ? q[buffers - 1] : q[0];
        const bool another = last && next_m < end;
        if (buffers == 2) {
            if (another) units.fetch(next_q, next_queries, own);
            units.fetch(next_k, next_keys, next);
        }
        const auto lot = units.begin(next_k, next_keys, next);
        decltype(units.begin(next_q, next_queries, own)) rows_lot;
        Row<T> next_rows[U::n_rows];
        if (another) {
            rows_lot = units.begin(next_q, next_queries, own);
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) next_rows[i] = Row<T>(p, next_head, first + units.row(i));
        }
        Pairs<U> z, d;
        units.dot(buffers == 2 && head_parity ? q[buffers - 1] : q[0], buffers == 2 && parity ? k[buffers - 1] : k[0],
                  z);
        if (buffers == 1) {
            if constexpr (Gradient) units.dot(g[0], v[0], d);
            const int done = units.barrier(never);
            if (another) units.end(next_q, next_queries, own, rows_lot, done);
            units.end(next_k, next_keys, next, lot, done);
            if constexpr (Gradient) {
                if (another) units.fetch(g[0], units.source(a.grad_out, next_head, E), own);
                units.fetch(v[0], units.source(a.v, next_head, E), next);
            }
        }
        to_logits(units, p, first, places, a.softmax ? nothing<T>() : T(0), z);
        if constexpr (Gradient) to_gradients<false>(units, p, head, first, places, d);
        if (!a.softmax) {
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) {
#pragma unroll
                for (int j = 0; j < U::n_columns; ++j) part[i][j] += Gradient ? d[i][j] : z[i][j];
            }
        } else {
            to_exponentials(p, z, [&](int i, int) { return rows[i].top; });
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) {
#pragma unroll
                for (int j = 0; j < U::n_columns; ++j) {
                    const T share = Gradient ? rows[i].inverse * (d[i][j] - rows[i].mean) : rows[i].inverse;
                    part[i][j] = multiply_add(z[i][j], share, part[i][j]);
                }
            }
        }
        if (last && s.puts_by && (++added % heads_added_up == 0 || next_m == end)) units.put_by(whole, part);
        if (another) {
#pragma unroll
            for (int i = 0; i < U::n_rows; ++i) rows[i] = next_rows[i];
        }
        m = next_m, lag = next_lag, head = next_head, head_parity = next_head_parity, parity = 1 - parity;
    }
    // Lags that lay side by side are added up by whoever writes, where tiles may have lain.
    units.template arrived<0>();  // zeros, too, that were fetched for want of another tile
    __syncthreads();
    if (!s.puts_by) units.put_pairs(whole, part);
    __syncthreads();
    T* to = s.to + (sum * slices + slice) * L * s.n_columns + first_column;
    for (int at = static_cast<int>(threadIdx.x); at < tile_tokens * width; at += U::threads) {
        const int i = at / width, column = at % width;
        if (first + i >= L) break;
        T total = T(0);
        for (int beside = 0; beside < s.packed; ++beside) total += U::pair(whole, i, beside * s.width + column);
        to[static_cast<std::int64_t>(first + i) * s.n_columns + column] = s.n_sums > 1 ? total : total / s.divisor;
    }
}

}  // namespace synfer::SYNFER_LEVEL
