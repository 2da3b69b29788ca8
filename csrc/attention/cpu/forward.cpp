// The forward pass. Compiled once per instruction level (CMakeLists.txt): see common/level.hpp for what may not be
// used here. A block of rows' whole scores stay in the cache: one product for the scores, one exponential a weight,
// the weights added over lags, and one product with the values; the map costs an addition a weight.
#include "attention/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
std::int64_t bytes_a_vector(const Attention<T>& a) {
    const Sizes<T> sizes(a, a.map != nullptr);
    return (a.n_keys + sizes.map_columns * (a.map_lags > 1 ? 3 : 2) + sizes.bias_columns) * SYNFER_VECTOR_BYTES;
}

// Heads added to a slice of the map before their sum is put by: a sum of thousands, one after the other, would lose
// more digits than torch's mean does.
constexpr std::int64_t heads_added = 16;

// What a thread holds while it works on a share.
template <class T, int N>
struct Forward {
    static constexpr std::int64_t R = N * lanes<T>;
    const Attention<T>& a;
    const Sizes<T> sizes;
    const Divider column_of;
    T *q, *out;  // (channel, row)
    T* scores;   // (key, row)
    T* bias;     // (bias column, row)
    T* weights;  // (map column, row): the weights' sums over lags; where nothing is summed, the scores' place
    T* map;      // (slice, map column, row)
    T* whole;    // (slice, map column, row): what was put by; map's place where so many heads never meet
    T* staging;  // (token, channel)

    SYNFER_DEVICE Forward(const Attention<T>& attention, std::int64_t n_slices, Pieces& pieces)
        : a(attention), sizes(a, a.map != nullptr), column_of(a.map_lags) {
        q = pieces.take<T>(a.d_key * R);
        out = pieces.take<T>(a.d_value * R);
        scores = pieces.take<T>(a.n_keys * R);
        bias = pieces.take<T>(sizes.bias_columns * R);
        weights = a.map != nullptr && a.map_lags > 1 ? pieces.take<T>(sizes.map_columns * R) : scores;
        map = pieces.take<T>(n_slices * sizes.map_columns * R);
        const bool many = (a.map_over_batch ? a.n_batch : 1) * (a.map_over_heads ? a.n_heads : 1) > heads_added;
        whole = many ? pieces.take<T>(n_slices * sizes.map_columns * R) : map;
        staging = pieces.take<T>((tile > R ? tile : R) * sizes.channels);
    }

    // Turns a tile's scores into weights, not yet normalised, adds them up, and adds them up over lags.
    SYNFER_DEVICE void weigh(const Scores<T, N>& z, std::int64_t first, std::int64_t end, Vector<T> (&total)[N]) {
        const Vector<T> slope = broadcast(z.slope);
        const auto weigh_key = [&](std::int64_t s, int n) SYNFER_INLINE {
            T* at = scores + s * R + n * lanes<T>;
            if (!a.softmax) return load(at);
            const Vector<T> w = exponential(load(at) - z.top[n], slope);
            store(at, w);
            return w;
        };
        Vector<T> sum[N];
        for (int n = 0; n < N; ++n) sum[n] = Vector<T>{};
        if (weights == scores && a.softmax) {
            for (std::int64_t s = first; s < end; ++s) {
                for (int n = 0; n < N; ++n) sum[n] += weigh_key(s, n);
            }
        } else if (weights != scores) {
            std::int64_t column = column_of(first), begun = first - column * a.map_lags;  // lags of it in tiles before
            for (std::int64_t s = first; s < end; ++column, begun = 0) {
                const std::int64_t column_end = least(end, (column + 1) * a.map_lags);
                Vector<T> lags[N];
                for (int n = 0; n < N; ++n) lags[n] = Vector<T>{};
                for (; s < column_end; ++s) {
                    for (int n = 0; n < N; ++n) lags[n] += weigh_key(s, n);
                }
                for (int n = 0; n < N; ++n) {
                    T* at = weights + column * R + n * lanes<T>;
                    store(at, begun > 0 ? load(at) + lags[n] : lags[n]);
                    sum[n] += lags[n];
                }
            }
        }
        for (int n = 0; n < N; ++n) total[n] += sum[n];
    }

    // What a head adds to its slice of the map, where nothing is summed over lags: done beside the product that makes
    // the next head's scores, which take the weights' place.
    struct Pending {
        static constexpr bool here = true;
        const T* weights;
        T* slice;  // null for none
        Vector<T> factor[N];

        SYNFER_DEVICE void operator()(std::int64_t key, int n) const {
            const std::int64_t i = key * R + n * lanes<T>;
            store(slice + i, multiply_add(load(weights + i), factor[n], load(slice + i)));
        }
    };
    SYNFER_DEVICE void settle(Pending& pending) {
        if (pending.slice == nullptr) return;
        const Pending now = pending;
        for (std::int64_t key = 0; key < a.n_keys; ++key) {
            for (int n = 0; n < N; ++n) now(key, n);
        }
        pending.slice = nullptr;
    }

    SYNFER_DEVICE void head(std::int64_t b, std::int64_t h, std::int64_t first_row, std::int64_t n_rows, T* slice,
                            Pending& pending) {
        Scores<T, N> z(a, sizes.bias_columns > 0 ? bias : nullptr);
        z.pack_q(rows_of(a.q, b, h, first_row, n_rows, a.d_key, staging), n_rows, q);
        if (pending.slice == nullptr) {
            z.compute(b, h, q, staging, scores, Nothing{});
        } else {
            const Pending now = pending;  // in registers
            z.compute(b, h, q, staging, scores, now);
        }

        clear(out, a.d_value * R);
        Vector<T> total[N];
        for (int n = 0; n < N; ++n) total[n] = Vector<T>{};
        for (std::int64_t s = 0; s < a.n_keys; s += tile) {
            const std::int64_t count = least(tile, a.n_keys - s);
            weigh(z, s, s + count, total);
            const Rows<T> v = rows_of(a.v, b, h, s, count, a.d_value, staging);
            mix<T, N>(scores + s * R, v, count, a.d_value, out);
        }

        if (a.softmax) {
            for (int n = 0; n < N; ++n) {
                total[n] = total[n] == T(0) ? Vector<T>{} : T(1) / total[n];
                for (std::int64_t e = 0; e < a.d_value; ++e) {
                    T* at = out + e * R + n * lanes<T>;
                    store(at, load(at) * total[n]);
                }
            }
        } else {
            for (int n = 0; n < N; ++n) total[n] = broadcast(T(1));
        }
        T* to = a.out.data + b * a.out.strides[0] + h * a.out.strides[1] + first_row * a.out.strides[2];
        unpack<T, R>(out, n_rows, a.d_value, to, a.out.strides[2]);

        pending.slice = nullptr;
        if (slice == nullptr) return;
        if (weights == scores) {
            pending.slice = slice, pending.weights = scores;
            for (int n = 0; n < N; ++n) pending.factor[n] = total[n];
            return;
        }
        for (std::int64_t c = 0; c < sizes.map_columns; ++c) {
            for (int n = 0; n < N; ++n) {
                T* at = slice + c * R + n * lanes<T>;
                store(at, multiply_add(load(weights + c * R + n * lanes<T>), total[n], load(at)));
            }
        }
    }

    SYNFER_DEVICE void clear_map(std::int64_t n_slices) {
        clear(map, n_slices * sizes.map_columns * R);
        if (whole != map) clear(whole, n_slices * sizes.map_columns * R);
    }

    SYNFER_DEVICE void put_by(std::int64_t n_slices) {
        if (whole == map) return;
        T *to = whole, *from = map;
        for (std::int64_t i = 0; i < n_slices * sizes.map_columns * R; i += lanes<T>) {
            store(to + i, load(to + i) + load(from + i));
            store(from + i, Vector<T>{});
        }
    }

    // The slices of batch element b (0 where the map is reduced over it), from head `head` on, to where they belong.
    SYNFER_DEVICE void write_map(std::int64_t b, std::int64_t head, std::int64_t n_slices, std::int64_t first_row,
                                 std::int64_t n_rows, T* to) {
        const std::int64_t columns = sizes.map_columns;
        put_by(n_slices);
        const T shared = a.map_shared;
        const std::int64_t slice_heads = a.map_over_heads ? 1 : a.n_heads;
        for (std::int64_t i = 0; i < n_slices; ++i) {
            const std::int64_t slice = b * slice_heads + head + i;
            unpack<T, R>(whole + i * columns * R, n_rows, columns, to + (slice * a.n_rows + first_row) * columns,
                         columns, [&](auto& x) SYNFER_INLINE { x /= shared; });
        }
    }

    SYNFER_DEVICE void run(const AttentionShare& share, std::int64_t first_row, std::int64_t n_rows, T* to) {
        if (sizes.bias_columns > 0) Scores<T, N>::pack_bias(a, first_row, n_rows, bias);
        const std::int64_t first_slice = a.map_over_heads ? 0 : share.head;
        const std::int64_t n_slices = a.map_over_heads ? 1 : share.head_end - share.head;
        if (to != nullptr) clear_map(n_slices);
        std::int64_t added = 0;
        Pending pending{};
        for (std::int64_t b = share.batch; b < share.batch_end; ++b) {
            for (std::int64_t h = share.head; h < share.head_end; ++h) {
                const std::int64_t own = a.map_over_heads ? 0 : h - share.head;
                head(b, h, first_row, n_rows, to == nullptr ? nullptr : map + own * sizes.map_columns * R, pending);
                if (to != nullptr && a.map_over_heads && ++added % heads_added == 0) put_by(n_slices);
            }
            if (to != nullptr && !a.map_over_batch) {
                settle(pending);
                write_map(b, first_slice, n_slices, first_row, n_rows, to);
                clear_map(n_slices);
            } else if (to != nullptr && !a.map_over_heads && ++added % heads_added == 0) {
                put_by(n_slices);
            }
        }
        settle(pending);
        if (to != nullptr && a.map_over_batch) write_map(0, first_slice, n_slices, first_row, n_rows, to);
    }
};

}  // namespace

template <class T>
std::int64_t forward_blocks(const Attention<T>& a) {
    return blocks_of<T>(a.n_rows, bytes_a_vector(a));
}

template <class T>
std::size_t forward_bytes(const Attention<T>& a, std::int64_t n_slices) {
    Pieces pieces{nullptr};
    with_vectors(widest_block<T>(a.n_rows, forward_blocks(a)),
                 [&](auto vectors) { Forward<T, decltype(vectors)::value>(a, n_slices, pieces); });
    return pieces.used;
}

template <class T>
void forward(const Attention<T>& a, const AttentionShare& share, T* map, void* workspace) {
    const BlockRange range = block_range<T>(a.n_rows, forward_blocks(a), share.block);
    const std::int64_t first_row = range.first * lanes<T>;
    with_vectors(range.end - range.first, [&](auto vectors) {
        constexpr int N = decltype(vectors)::value;
        Pieces pieces{static_cast<char*>(workspace)};
        const std::int64_t n_slices = a.map_over_heads ? 1 : share.head_end - share.head;
        Forward<T, N> pass(a, n_slices, pieces);
        pass.run(share, first_row, least(N * lanes<T>, a.n_rows - first_row), map);
    });
}

template std::int64_t forward_blocks<float>(const Attention<float>&);
template std::int64_t forward_blocks<double>(const Attention<double>&);
template std::size_t forward_bytes<float>(const Attention<float>&, std::int64_t);
template std::size_t forward_bytes<double>(const Attention<double>&, std::int64_t);
template void forward<float>(const Attention<float>&, const AttentionShare&, float*, void*);
template void forward<double>(const Attention<double>&, const AttentionShare&, double*, void*);

}  // namespace synfer::SYNFER_LEVEL
