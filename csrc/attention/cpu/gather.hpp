#pragma once
#include "attention/cpu/tokens.hpp"

// The products whose sums run over rows: a tile's weights (token, row) with rows (row, channel), for the gradients of
// keys and values.

namespace synfer::SYNFER_LEVEL {

// visit(i, j, sum_r weights[i, r] rows[r, vector j]) for I tokens and J vectors; `spread` makes a vector of a row's
// weight for a token, from weights (token, row, spread.each).
template <class T, int I, int J, class Spread, class Visit>
SYNFER_DEVICE void gather_some(const T* weights, std::int64_t stride, const T* rows, std::int64_t width,
                               std::int64_t n_rows, Spread, Visit visit) {
    Vector<T> sum[I][J];
    for (int i = 0; i < I; ++i) {
        for (int j = 0; j < J; ++j) sum[i][j] = Vector<T>{};
    }
    const Tokens<T, I> tokens({weights, stride});
    std::int64_t at = 0;
    const auto row = [&]() SYNFER_INLINE {
        Vector<T> x[J];
        for (int j = 0; j < J; ++j) x[j] = load(rows + j * lanes<T>);
        for (int i = 0; i < I; ++i) {
            const Vector<T> y = Spread::of(tokens.at(i) + at);
            for (int j = 0; j < J; ++j) sum[i][j] = multiply_add(x[j], y, sum[i][j]);
        }
        rows += width;
        at += Spread::each;
    };
    std::int64_t r = 0;
    for (; r + 4 <= n_rows; r += 4) row(), row(), row(), row();
    for (; r < n_rows; ++r) row();
    for (int i = 0; i < I; ++i) {
        for (int j = 0; j < J; ++j) visit(i, j, sum[i][j]);
    }
}

// One weight for all channels, or a pair for channels that alternate between two partners.
struct Alone {
    static constexpr std::int64_t each = 1;
    template <class T>
    SYNFER_DEVICE static Vector<T> of(const T* weight) {
        return broadcast(*weight);
    }
};
struct InPairs {
    static constexpr std::int64_t each = 2;
    template <class T>
    SYNFER_DEVICE static Vector<T> of(const T* weight) {
        return broadcast_pair(weight);
    }
};

// visit(token, vector, sum) for `count` tokens and all vectors of `width`.
template <class T, class Spread, class Visit>
SYNFER_DEVICE void gather(const T* weights, std::int64_t stride, std::int64_t count, const T* rows, std::int64_t width,
                          std::int64_t n_rows, Visit visit) {
    std::int64_t i = 0;
    const auto some = [&](auto tokens) SYNFER_INLINE {
        constexpr int I = decltype(tokens)::value;
        std::int64_t j = 0;
        const auto keep = [&](int token, int vector, Vector<T> sum)
                              SYNFER_INLINE { visit(i + token, j + vector, sum); };
        const T* from = weights + i * stride;
        for (; j + 2 <= width / lanes<T>; j += 2) {
            gather_some<T, I, 2>(from, stride, rows + j * lanes<T>, width, n_rows, Spread{}, keep);
        }
        if (j < width / lanes<T>) {
            gather_some<T, I, 1>(from, stride, rows + j * lanes<T>, width, n_rows, Spread{}, keep);
        }
        i += I;
    };
    if (width == lanes<T>) {
        while (i + 2 * sums_held <= count) some(Count<2 * sums_held>{});
    }
    while (i + sums_held <= count) some(Count<sums_held>{});
    if (sums_held > 4 && i + 4 <= count) some(Count<4>{});
    if (i + 2 <= count) some(Count<2>{});
    if (i < count) some(Count<1>{});
}

}  // namespace synfer::SYNFER_LEVEL
