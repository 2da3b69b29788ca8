#pragma once
#include "common/vector.hpp"

// Products of matrices that lie in the workspace, blocked so that the sums stay in registers.

namespace synfer::SYNFER_LEVEL {

// Rows and vectors of a tile of sums: as many registers as the level has, less one for the element that is spread and
// two for the vectors it multiplies.
#if SYNFER_VECTOR_BYTES == 64
constexpr int tile_rows = 12;
#else
constexpr int tile_rows = 6;
#endif
constexpr int tile_vectors = 2;

template <class T>
constexpr std::int64_t panel_width = tile_vectors * lanes<T>;

constexpr std::int64_t whole(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

// Elements of a row of `n`, a whole number of vectors; an odd number of cache lines, so that rows do not crowd into few
// sets of the cache.
template <class T>
constexpr std::int64_t row_width(std::int64_t n) {
    constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));
    const std::int64_t lines = whole(n, line) / line;
    return (lines + 1 - lines % 2) * line;
}

// Rows [0, I) of c (+)= a b for V vectors of columns, sums over k < n_k: a(i, k) = a[i * a_row + k * a_step].
template <class T, int V, bool by_columns>
SYNFER_DEVICE void product_tile(const T* a, std::int64_t a_stride, const T* b, std::int64_t b_stride, std::int64_t n_k,
                                T* c, std::int64_t c_stride, bool add) {
    constexpr int I = tile_rows;
    Vector<T> sum[I][V];
#pragma GCC unroll 16
    for (int i = 0; i < I; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sum[i][v] = Vector<T>{};
    }
    if constexpr (by_columns) {  // a is (k, i)
        for (std::int64_t k = 0; k < n_k; ++k, a += a_stride, b += b_stride) {
            Vector<T> x[V];
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) x[v] = load(b + v * lanes<T>);
#pragma GCC unroll 16
            for (int i = 0; i < I; ++i) {
                const Vector<T> y = broadcast(a[i]);
#pragma GCC unroll 2
                for (int v = 0; v < V; ++v) sum[i][v] = multiply_add(x[v], y, sum[i][v]);
            }
        }
    } else {  // a is (i, k): three rows from each pointer, which is what addresses can express
        const T* rows[I / 3];
#pragma GCC unroll 4
        for (int j = 0; j < I / 3; ++j) rows[j] = a + 3 * j * a_stride;
        for (std::int64_t k = 0; k < n_k; ++k, b += b_stride) {
            Vector<T> x[V];
#pragma GCC unroll 2
            for (int v = 0; v < V; ++v) x[v] = load(b + v * lanes<T>);
#pragma GCC unroll 4
            for (int j = 0; j < I / 3; ++j) {
#pragma GCC unroll 3
                for (int i = 0; i < 3; ++i) {
                    const Vector<T> y = broadcast(rows[j][i * a_stride]);
#pragma GCC unroll 2
                    for (int v = 0; v < V; ++v) sum[3 * j + i][v] = multiply_add(x[v], y, sum[3 * j + i][v]);
                }
                ++rows[j];
            }
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < I; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) {
            T* to = c + i * c_stride + v * lanes<T>;
            store(to, add ? load(to) + sum[i][v] : sum[i][v]);
        }
    }
}

// c (n_rows up to whole tiles, columns up to whole vectors) (+)= a b. Where b is packed it is panel after panel of
// (k, panel_width), the last one as wide as there are vectors; else rows of b_stride.
template <class T, bool by_columns, bool packed>
SYNFER_DEVICE void product(const T* a, std::int64_t a_stride, const T* b, std::int64_t b_stride, std::int64_t n_rows,
                           std::int64_t n_columns, std::int64_t n_k, T* c, std::int64_t c_stride, bool add) {
    constexpr std::int64_t P = panel_width<T>;
    const std::int64_t a_tile = by_columns ? tile_rows : tile_rows * a_stride;
    std::int64_t column = 0;
    for (; column + lanes<T> < n_columns; column += P) {
        const T* panel = packed ? b + column * n_k : b + column;
        for (std::int64_t i = 0; i * tile_rows < n_rows; ++i) {
            product_tile<T, tile_vectors, by_columns>(a + i * a_tile, a_stride, panel, packed ? P : b_stride, n_k,
                                                      c + i * tile_rows * c_stride + column, c_stride, add);
        }
    }
    if (column < n_columns) {
        const T* panel = packed ? b + column * n_k : b + column;
        for (std::int64_t i = 0; i * tile_rows < n_rows; ++i) {
            product_tile<T, 1, by_columns>(a + i * a_tile, a_stride, panel, packed ? lanes<T> : b_stride, n_k,
                                           c + i * tile_rows * c_stride + column, c_stride, add);
        }
    }
}

template <class T>
constexpr std::int64_t packed_size(std::int64_t n_k, std::int64_t n_columns) {
    return n_k * whole(n_columns, lanes<T>);
}

// Packs b(k, column) = from[k * n_columns + column] scale[column], 0 beyond the last column; scale null: 1.
template <class T>
SYNFER_DEVICE void pack(const T* from, const T* scale, std::int64_t n_k, std::int64_t n_columns, T* __restrict__ to) {
    for (std::int64_t column = 0; column < n_columns; column += panel_width<T>) {
        const std::int64_t rest = n_columns - column;
        const std::int64_t width = rest <= lanes<T> ? lanes<T> : panel_width<T>;
        const std::int64_t real = rest < width ? rest : width;
        for (std::int64_t k = 0; k < n_k; ++k, to += width) {
            const T* row = from + k * n_columns + column;
            for (std::int64_t j = 0; j < real; ++j) to[j] = scale == nullptr ? row[j] : row[j] * scale[column + j];
            for (std::int64_t j = real; j < width; ++j) to[j] = T(0);
        }
    }
}

// Packs b(k, column) = from[column * n_k + k] scale[k], likewise.
template <class T>
SYNFER_DEVICE void pack_transposed(const T* from, const T* scale, std::int64_t n_k, std::int64_t n_columns,
                                   T* __restrict__ to) {
    for (std::int64_t column = 0; column < n_columns; column += panel_width<T>) {
        const std::int64_t rest = n_columns - column;
        const std::int64_t width = rest <= lanes<T> ? lanes<T> : panel_width<T>;
        for (std::int64_t j = 0; j < width; ++j) {
            const T* row = from + (column + j) * n_k;
            for (std::int64_t k = 0; k < n_k; ++k) {
                to[k * width + j] = j >= rest ? T(0) : scale == nullptr ? row[k] : row[k] * scale[k];
            }
        }
        to += n_k * width;
    }
}

}  // namespace synfer::SYNFER_LEVEL
