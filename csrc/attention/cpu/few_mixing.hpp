#pragma once
#include "attention/cpu/few_head.hpp"

// The products of a head of few rows that keys', or rows', own channels are summed in.

namespace synfer::SYNFER_LEVEL {

// run(V{}) with the widest vector that channels fill, half a register's otherwise.
template <class T, class Run>
SYNFER_DEVICE void with_channels(std::int64_t n_channels, Run run) {
    n_channels % lanes<T> == 0 ? run(Vector<T>{}) : run(HalfVector<T>{});
}

// to[row, c] = times * sum_s by[row, s] x[s, c], of all keys' tokens x.
template <class T>
SYNFER_DEVICE void mix_keys(const FewHead<T>& on, const T* by, const Tensor4& x, std::int64_t b, std::int64_t h,
                            std::int64_t n_channels, T times, T* to, std::int64_t to_stride) {
    const Attention<T>& a = on.a;
    const std::int64_t P = on.P;
    with_channels<T>(n_channels, [&](auto kind) SYNFER_INLINE {
        using V = decltype(kind);
        constexpr std::int64_t length = sizeof(V) / sizeof(T);
        for (std::int64_t first = 0; first < a.n_keys; first += few_tile<T>) {
            const std::int64_t count = least(few_tile<T>, a.n_keys - first);
            const Rows<T> from = whole_vectors<T, V>(rows_of(x, b, h, first, count, n_channels, on.staging), count,
                                                     n_channels, on.tokens);
            const bool last = first + count == a.n_keys;
            for (std::int64_t c = 0; c < n_channels; c += length) {
                by_rows(a.n_rows, [&](std::int64_t r, auto rows) SYNFER_INLINE {
                    constexpr int I = decltype(rows)::value;
                    V sum[2][I];  // of even and odd keys: an addition need not wait for the one before
                    for (int i = 0; i < I; ++i) sum[0][i] = sum[1][i] = V{};
                    const auto add = [&](std::int64_t s, V(&into)[I]) SYNFER_INLINE {
                        const V token = load_as<T, V>(from.data + s * from.stride + c);
                        for (int i = 0; i < I; ++i) {
                            into[i] = multiply_add(token, broadcast_as<T, V>(by[(r + i) * P + first + s]), into[i]);
                        }
                    };
                    std::int64_t s = 0;
                    for (; s + 2 <= count; s += 2) add(s, sum[0]), add(s + 1, sum[1]);
                    if (s < count) add(s, sum[0]);
                    for (int i = 0; i < I; ++i) {
                        V total = sum[0][i] + sum[1][i];
                        T* held = on.sums + (r + i) * on.width + c;
                        if (first > 0) total += load_as<T, V>(held);
                        if (last) {
                            put_channels<T, V>(to + (r + i) * to_stride, c, n_channels, total * times);
                        } else {
                            __builtin_memcpy(held, &total, sizeof total);
                        }
                    }
                });
            }
        }
    });
}

// to[s, c] = times * sum_row by[row, s] from[row, c]: the gradients of keys and values.
template <class T>
SYNFER_DEVICE void mix_rows(const FewHead<T>& on, const T* by, Rows<T> from, std::int64_t n_channels, T times, T* to,
                            std::int64_t to_stride) {
    const Attention<T>& a = on.a;
    const std::int64_t P = on.P;
    with_channels<T>(n_channels, [&](auto kind) SYNFER_INLINE {
        using V = decltype(kind);
        constexpr std::int64_t length = sizeof(V) / sizeof(T);
        const Rows<T> rows = whole_vectors<T, V>(from, a.n_rows, n_channels, on.tokens);
        for (std::int64_t c = 0; c < n_channels; c += length) {
            const auto all = [&](auto count) SYNFER_INLINE {
                constexpr int I = decltype(count)::value;
                V row[I];
                for (int i = 0; i < I; ++i) {
                    row[i] = load_as<T, V>(rows.data + i * rows.stride + c) * broadcast_as<T, V>(times);
                }
                for (std::int64_t s = 0; s < a.n_keys; ++s) {
                    V sum = row[0] * broadcast_as<T, V>(by[s]);
                    for (int i = 1; i < I; ++i) sum = multiply_add(row[i], broadcast_as<T, V>(by[i * P + s]), sum);
                    put_channels<T, V>(to + s * to_stride, c, n_channels, sum);
                }
            };
            switch (a.n_rows) {
                case 1:
                    all(Count<1>{});
                    break;
                case 2:
                    all(Count<2>{});
                    break;
                case 3:
                    all(Count<3>{});
                    break;
                case 4:
                    all(Count<4>{});
                    break;
                case 5:
                    all(Count<5>{});
                    break;
                case 6:
                    all(Count<6>{});
                    break;
                case 7:
                    all(Count<7>{});
                    break;
                default:
                    all(Count<few>{});
            }
        }
    });
}

}  // namespace synfer::SYNFER_LEVEL
