#pragma once
#include "attention/cpu/few_rows.hpp"

namespace synfer::SYNFER_LEVEL {

// What both passes do with one head, and what they hold for it. A head's weights are held whole, (row, key).
template <class T>
struct FewHead {
    const Attention<T>& a;
    const std::int64_t P, size;  // keys, and weights, padded to whole vectors of keys
    const std::int64_t width;    // channels, padded
    T* bias;                     // (row, key), null for none
    T* weights;                  // (row, key)
    T* panel;                    // (channel, key of a tile)
    T *staging, *tokens, *sums;  // (token, channel): converted, padded, summed over tiles
    T factor, slope;             // of scores

    SYNFER_DEVICE FewHead(const Attention<T>& attention, Pieces& pieces)
        : a(attention),
          P(padded<T>(a.n_keys)),
          size(a.n_rows * P),
          width(padded<T>(a.d_key > a.d_value ? a.d_key : a.d_value)) {
        bias = a.bias != nullptr ? pieces.take<T>(size) : nullptr;
        weights = pieces.take<T>(size);
        panel = pieces.take<T>(width * few_tile<T>);
        staging = pieces.take<T>(width * few_tile<T>);
        tokens = pieces.take<T>(width * few_tile<T>);
        sums = pieces.take<T>(width * few);
        const Scores<T, 1> scores(a, bias);
        factor = scores.q_factor;
        slope = scores.slope;
    }

    // to[row, key] = times * from[row, key / lags], 0 behind the last key.
    SYNFER_DEVICE void repeat_lags(const T* from, std::int64_t row_stride, std::int64_t column_stride,
                                   std::int64_t lags, T times, T* to) const {
        clear(to, size);
        for (std::int64_t r = 0; r < a.n_rows; ++r) {
            for (std::int64_t c = 0; c < a.n_keys / lags; ++c) {
                const T x = times * from[r * row_stride + c * column_stride];
                for (std::int64_t s = c * lags; s < (c + 1) * lags; ++s) to[r * P + s] = x;
            }
        }
    }
    // to[row, column] = the sum over lags of from[row, key], over `divisor`. There may be thousands of lags.
    SYNFER_DEVICE void add_lags(const T* from, std::int64_t lags, T divisor, T* to) const {
        const std::int64_t columns = a.n_keys / lags;
        for (std::int64_t r = 0; r < a.n_rows; ++r) {
            for (std::int64_t c = 0; c < columns; ++c) {
                double sum = 0;
                for (std::int64_t s = c * lags; s < (c + 1) * lags; ++s) sum += static_cast<double>(from[r * P + s]);
                to[r * columns + c] = static_cast<T>(sum / static_cast<double>(divisor));
            }
        }
    }

    // visit(i, sum_c rows[row, c] x[key, c] times): i = row P + key of the first of a vector of keys.
    template <class Visit>
    SYNFER_DEVICE void dot_tokens(Rows<T> rows, const Tensor4& x, std::int64_t b, std::int64_t h,
                                  std::int64_t n_channels, T times, Visit visit) const {
        for (std::int64_t s = 0; s < a.n_keys; s += few_tile<T>) {
            const std::int64_t count = least(few_tile<T>, a.n_keys - s);
            const auto of = [&](auto vectors) SYNFER_INLINE {
                constexpr int N = decltype(vectors)::value;
                pack<T, N * lanes<T>>(rows_of(x, b, h, s, count, n_channels, staging), count, n_channels, panel, times);
                dot_keys<T, N>(rows, a.n_rows, panel, n_channels,
                               [&](std::int64_t r, int n, Vector<T> sum)
                                   SYNFER_INLINE { visit(r * P + s + n * lanes<T>, sum); });
            };
            const std::int64_t vectors = padded<T>(count) / lanes<T>;
            if (vectors == 1) of(Count<1>{});
            if (vectors == 2) of(Count<2>{});
            if (vectors == 3) of(Count<3>{});
            if (vectors == 4) of(Count<4>{});
        }
    }
    SYNFER_DEVICE void begin() {
        if (bias != nullptr) repeat_lags(a.bias, a.bias_strides[0], a.bias_strides[1], a.bias_lags, T(1), bias);
    }

    // weights = A, or z without normalisation.
    SYNFER_DEVICE void weigh(Rows<T> q, std::int64_t b, std::int64_t h) {
        const Vector<T> scale = broadcast(a.scale);
        dot_tokens(q, a.k, b, h, a.d_key, factor, [&](std::int64_t at, Vector<T> z) SYNFER_INLINE {
            store(weights + at, bias == nullptr ? z : multiply_add(z, scale, load(bias + at)));
        });
        if (!a.softmax) return;
        for (std::int64_t r = 0; r < a.n_rows; ++r) {
            for (std::int64_t s = a.n_keys; s < P; ++s) weights[r * P + s] = -static_cast<T>(__builtin_inf());
        }
        normalize();
    }

    // Softmax of all rows. Its sums over lanes take turns with other rows' exponentials where those are in registers.
    SYNFER_DEVICE void normalize() {
        const auto rows = [&](auto count) SYNFER_INLINE {
            constexpr int N = decltype(count)::value, I = N > 2 ? 2 : 4;
            std::int64_t r = 0;
            for (; r + I <= a.n_rows; r += I) normalize_rows<I, N>(weights + r * P);
            for (; r < a.n_rows; ++r) normalize_rows<1, N>(weights + r * P);
        };
        if (P == 1 * lanes<T>) return rows(Count<1>{});
        if (P == 2 * lanes<T>) return rows(Count<2>{});
        if (P == 3 * lanes<T>) return rows(Count<3>{});
        if (P == 4 * lanes<T>) return rows(Count<4>{});
        for (std::int64_t r = 0; r < a.n_rows; ++r) {
            T* row = weights + r * P;
            Vector<T> top = load(row), sum{};
            for (std::int64_t s = lanes<T>; s < P; s += lanes<T>) top = larger(load(row + s), top);
            top = offset_of(top);
            for (std::int64_t s = 0; s < P; s += lanes<T>) {
                const Vector<T> w = exponential(load(row + s) - top, broadcast(slope));
                store(row + s, w);
                sum += w;
            }
            sum = inverse_of(sum);
            for (std::int64_t s = 0; s < P; s += lanes<T>) store(row + s, load(row + s) * sum);
        }
    }
    template <int I, int N>  // rows, vectors
    SYNFER_DEVICE void normalize_rows(T* row) const {
        Vector<T> w[I][N], top[I], sum[I];
        for (int i = 0; i < I; ++i) {
            for (int n = 0; n < N; ++n) w[i][n] = load(row + i * P + n * lanes<T>);
            top[i] = w[i][0];
            for (int n = 1; n < N; ++n) top[i] = larger(w[i][n], top[i]);
        }
        for (int i = 0; i < I; ++i) {
            top[i] = offset_of(top[i]);
            for (int n = 0; n < N; ++n) w[i][n] = exponential(w[i][n] - top[i], broadcast(slope));
            sum[i] = w[i][0];
            for (int n = 1; n < N; ++n) sum[i] += w[i][n];
        }
        for (int i = 0; i < I; ++i) sum[i] = inverse_of(sum[i]);
        for (int i = 0; i < I; ++i) {
            for (int n = 0; n < N; ++n) store(row + i * P + n * lanes<T>, w[i][n] * sum[i]);
        }
    }
    // What a row's weights are relative to: its largest score, 0 where all are -inf.
    SYNFER_DEVICE static Vector<T> offset_of(Vector<T> top) {
        top = joined<T>(top, [](Vector<T> x, Vector<T> y) SYNFER_INLINE { return larger(x, y); });
        return top == -static_cast<T>(__builtin_inf()) ? Vector<T>{} : top;
    }
    // 1 / the sum of all lanes, 0 where that is.
    SYNFER_DEVICE static Vector<T> inverse_of(Vector<T> sum) {
        const T total = joined<T>(sum, [](Vector<T> x, Vector<T> y) SYNFER_INLINE { return x + y; })[0];
        return broadcast(total == T(0) ? T(0) : T(1) / total);
    }
};

}  // namespace synfer::SYNFER_LEVEL
