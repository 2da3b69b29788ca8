#pragma once
#include "attention/cpu/products.hpp"
#include "common/vector_exponential.hpp"

// How the rows of a head are cut into blocks, and the part that both passes begin with: a block's scores.

namespace synfer::SYNFER_LEVEL {

constexpr int most_vectors = 3;  // of rows in a block: the sums of products.hpp fill the registers

template <class T>
SYNFER_DEVICE T least(T a, T b) {
    return a < b ? a : b;
}

// s / by for products s * by below 2^63, by a multiplication: a division takes as long as the work on a key.
struct Divider {
    std::uint64_t inverse;  // 2^63 / by, rounded up

    SYNFER_DEVICE explicit Divider(std::int64_t by)
        : inverse(((std::uint64_t{1} << 63) + static_cast<std::uint64_t>(by) - 1) / static_cast<std::uint64_t>(by)) {}
    SYNFER_DEVICE std::int64_t operator()(std::int64_t s) const {
        return static_cast<std::int64_t>((static_cast<unsigned __int128>(s) * inverse) >> 63);
    }
};

template <class T>
struct Sizes {
    std::int64_t channels, map_columns, bias_columns;  // the larger of D and E; 0 where there is no map, no bias

    SYNFER_DEVICE explicit Sizes(const Attention<T>& a, bool mapped)
        : channels(a.d_key > a.d_value ? a.d_key : a.d_value),
          map_columns(mapped ? a.n_keys / a.map_lags : 0),
          bias_columns(a.bias != nullptr ? a.n_keys / a.bias_lags : 0) {}
};

// Vectors [first, end) of rows that block `block` is of.
struct BlockRange {
    std::int64_t first, end;
};

// Blocks as wide as the registers allow, until what a thread holds comes near the 5 MB that it may: better that weights
// leave the second-level cache than that all keys and values are read again for every 16 rows.
template <class T>
SYNFER_DEVICE std::int64_t blocks_of(std::int64_t n_rows, std::int64_t bytes_a_vector) {
    constexpr std::int64_t held = 3500 << 10;
    const std::int64_t vectors = (n_rows + lanes<T> - 1) / lanes<T>;
    std::int64_t most = held / (bytes_a_vector > 0 ? bytes_a_vector : 1);
    most = most < 1 ? 1 : most > most_vectors ? most_vectors : most;
    return (vectors + most - 1) / most;
}

template <class T>
SYNFER_DEVICE BlockRange block_range(std::int64_t n_rows, std::int64_t n_blocks, std::int64_t block) {
    const std::int64_t vectors = (n_rows + lanes<T> - 1) / lanes<T>;
    return {block * vectors / n_blocks, (block + 1) * vectors / n_blocks};
}

template <class T>
SYNFER_DEVICE std::int64_t widest_block(std::int64_t n_rows, std::int64_t n_blocks) {
    const std::int64_t vectors = (n_rows + lanes<T> - 1) / lanes<T>;
    return (vectors + n_blocks - 1) / n_blocks;
}

// Calls run(Count<N>) with the number of vectors in the block.
template <class Run>
SYNFER_DEVICE void with_vectors(std::int64_t n, Run run) {
    if (n == 1) run(Count<1>{});
    if (n == 2) run(Count<2>{});
    if (n == 3) run(Count<3>{});
}

// What is done beside a product, for the tokens of a tile.
template <class Beside>
struct Shifted {
    static constexpr bool here = Beside::here;
    const Beside& beside;
    std::int64_t first;
    SYNFER_DEVICE void operator()(std::int64_t i, int n) const { beside(first + i, n); }
};

// The scores of a block of rows, (key, row), and how they become weights: A = exponential(score - top, slope) up to a
// factor a row. Scores are z, or z / |scale| where there is no bias: then the scale is part of the slope.
template <class T, int N>
struct Scores {
    static constexpr std::int64_t R = N * lanes<T>;
    const Attention<T>& a;
    const T* bias;  // (column, row), null for none
    const Divider bias_column;
    T q_factor, slope;
    Vector<T> top[N];

    SYNFER_DEVICE Scores(const Attention<T>& attention, const T* bias_panel)
        : a(attention), bias(bias_panel), bias_column(attention.bias_lags) {
        constexpr T log2_e = T(1.44269504088896340736);
        q_factor = bias != nullptr ? T(1) : !a.softmax ? a.scale : a.scale < T(0) ? T(-1) : T(a.scale != T(0));
        // A scale of 0 must not be the slope: what is forbidden, -inf, would become 0 times that.
        slope = bias != nullptr || a.scale == T(0) ? log2_e : (a.scale < T(0) ? -a.scale : a.scale) * log2_e;
    }

    // Rows [0, n_rows) of bias, those of this block, as a panel.
    SYNFER_DEVICE static void pack_bias(const Attention<T>& a, std::int64_t first_row, std::int64_t n_rows, T* panel) {
        const std::int64_t columns = a.n_keys / a.bias_lags;
        for (std::int64_t c = 0; c < columns; ++c) {
            for (std::int64_t r = 0; r < R; ++r) {
                panel[c * R + r] =
                    r < n_rows ? a.bias[(first_row + r) * a.bias_strides[0] + c * a.bias_strides[1]] : T(0);
            }
        }
    }

    SYNFER_DEVICE void pack_q(Rows<T> q, std::int64_t n_rows, T* panel) const {
        pack<T, R>(q, n_rows, a.d_key, panel, q_factor);
    }

    // The scores of keys [first, first + count) of one head, and each row's largest so far in `top`, -inf to begin
    // with. beside(key, n) is called before that key's scores of rows n are overwritten.
    template <class Beside>
    SYNFER_DEVICE void compute_tile(Rows<T> k, std::int64_t first, std::int64_t count, const T* q_panel, T* scores,
                                    const Beside& beside) {
        const Vector<T> scale = broadcast(a.scale);
        const Shifted<Beside> beside_tile{beside, first};
        const auto keep = [&](std::int64_t i, int n, Vector<T> z) SYNFER_INLINE {
            store(scores + i * R + n * lanes<T>, z);
            top[n] = larger(z, top[n]);
        };
        if (bias == nullptr) {
            dot<T, N>(k, count, q_panel, a.d_key, beside_tile, keep);
        } else {
            dot<T, N>(k, count, q_panel, a.d_key, beside_tile, [&](std::int64_t i, int n, Vector<T> sum) SYNFER_INLINE {
                const T* column = bias + bias_column(first + i) * R;
                keep(i, n, multiply_add(sum, scale, load(column + n * lanes<T>)));
            });
        }
    }

    // All scores of one head, and each row's largest, 0 where all are -inf.
    SYNFER_DEVICE void compute(std::int64_t batch, std::int64_t head, const T* q_panel, T* staging, T* scores) {
        const Vector<T> none = broadcast(-static_cast<T>(__builtin_inf()));
        for (int n = 0; n < N; ++n) top[n] = none;
        for (std::int64_t s = 0; s < a.n_keys; s += tile) {
            const std::int64_t count = least(tile, a.n_keys - s);
            const Rows<T> k = rows_of(a.k, batch, head, s, count, a.d_key, staging);
            compute_tile(k, s, count, q_panel, scores + s * R, Nothing{});
        }
        for (int n = 0; n < N; ++n) top[n] = top[n] == none ? Vector<T>{} : top[n];
    }
};

}  // namespace synfer::SYNFER_LEVEL
