// The backward pass. Compiled once per instruction level (CMakeLists.txt): see common/level.hpp for what may not be
// used here. Nothing was kept from the forward pass: a block of rows' whole weights and their gradients stay in the
// cache, so each is computed once and the sums over keys that softmax's gradient needs are at hand.
#include "attention/cpu/gather.hpp"
#include "attention/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
std::int64_t bytes_a_vector(const Attention<T>& a) {
    const Sizes<T> sizes(a, a.grad_map != nullptr);
    return (2 * a.n_keys + sizes.map_columns + (a.dbias != nullptr ? 2 : 1) * sizes.bias_columns) * SYNFER_VECTOR_BYTES;
}

template <class T>
std::int64_t backward_blocks(const Attention<T>& a) {
    return blocks_of<T>(a.n_rows, bytes_a_vector(a));
}

// What a thread holds while it works on a share.
template <class T, int N>
struct Backward {
    static constexpr std::int64_t R = N * lanes<T>;
    // dk and dv are summed over rows. Where there are too few channels to fill a vector, both together: tokens'
    // channels side by side with their partners', (q0, g0, q1, ...), meet (dz, A) of a row and key in one
    // multiplication, and no lane stays empty where there are 8.

    const Attention<T>& a;
    const Sizes<T> sizes;
    const Divider map_column, bias_column;
    const bool apart;      // dk and dv are summed one after the other
    std::int64_t width;    // of the paired rows: twice the channels, rounded up
    T *q, *g, *dq;         // (channel, row)
    T *weights, *dscores;  // (key, row)
    T *bias, *dbias;       // (bias column, row)
    T* grad_map;           // (map column, row)
    T* paired_rows;        // (row, width): q and grad_out, channels in turn; apart, (row, D) and behind it (row, E)
    T* pairs;              // (key, row, 2): dz and A of a tile
    T* staging;            // (token, channel)

    SYNFER_DEVICE Backward(const Attention<T>& attention, Pieces& pieces)
        : a(attention),
          sizes(a, a.grad_map != nullptr),
          map_column(a.map_lags),
          bias_column(a.bias_lags),
          apart(a.d_key % lanes<T> == 0 && a.d_value % lanes<T> == 0) {
        width = (2 * sizes.channels + lanes<T> - 1) / lanes<T> * lanes<T>;
        q = pieces.take<T>(a.d_key * R);
        g = pieces.take<T>(a.d_value * R);
        dq = pieces.take<T>(a.d_key * R);
        weights = pieces.take<T>(a.n_keys * R);
        dscores = pieces.take<T>(a.n_keys * R);
        bias = pieces.take<T>(sizes.bias_columns * R);
        dbias = pieces.take<T>(a.dbias != nullptr ? sizes.bias_columns * R : 0);
        grad_map = pieces.take<T>(sizes.map_columns * R);
        paired_rows = pieces.take<T>(R * width);
        pairs = pieces.take<T>(apart ? 0 : tile * R * 2);
        staging = pieces.take<T>((tile > 2 * R ? tile : 2 * R) * sizes.channels);
    }

    SYNFER_DEVICE void pack_map(std::int64_t slice, std::int64_t first_row, std::int64_t n_rows) {
        const std::int64_t columns = sizes.map_columns;
        const T* from = a.grad_map + (slice * a.n_rows + first_row) * columns;
        pack<T, R>({from, columns}, n_rows, columns, grad_map, T(1) / a.map_shared);
    }

    SYNFER_DEVICE static void copy_rows(Rows<T> rows, std::int64_t n_rows, std::int64_t n_channels, T factor, T* to) {
        for (std::int64_t r = 0; r < n_rows; ++r) {
            for (std::int64_t c = 0; c < n_channels; c += lanes<T>) {
                store(to + r * n_channels + c, load(rows.data + r * rows.stride + c) * factor);
            }
        }
    }

    SYNFER_DEVICE void pair_rows(Rows<T> q_rows, Rows<T> g_rows, std::int64_t n_rows) {
        if (apart) {
            copy_rows(q_rows, n_rows, a.d_key, a.scale, paired_rows);
            return copy_rows(g_rows, n_rows, a.d_value, T(1), paired_rows + R * a.d_key);
        }
        const std::int64_t both = a.d_key < a.d_value ? a.d_key : a.d_value;
        for (std::int64_t r = 0; r < n_rows; ++r) {
            const T* from = q_rows.data + r * q_rows.stride;
            const T* partner = g_rows.data + r * g_rows.stride;
            T* to = paired_rows + r * width;
            std::int64_t c = 0;
            if constexpr (sizeof(T) == sizeof(float)) {
                for (; c + 8 <= both; c += 8) interleave_eight(from + c, partner + c, to + 2 * c);
            }
            for (; c < width / 2; ++c) {
                to[2 * c] = c < a.d_key ? from[c] : T(0);
                to[2 * c + 1] = c < a.d_value ? partner[c] : T(0);
            }
        }
    }

    // weights: not yet normalised, their sums a row in `total`. dscores: dA, and sums a row of A dA in `mean`.
    SYNFER_DEVICE void weigh(const Scores<T, N>& z, std::int64_t b, std::int64_t h, Vector<T> (&total)[N],
                             Vector<T> (&mean)[N]) {
        const Vector<T> slope = broadcast(z.slope);
        for (std::int64_t s0 = 0; s0 < a.n_keys; s0 += tile) {
            const std::int64_t count = least(tile, a.n_keys - s0);
            Vector<T> sum[N], product[N];
            for (int n = 0; n < N; ++n) sum[n] = product[n] = Vector<T>{};
            if (a.softmax) {
                for (std::int64_t s = s0; s < s0 + count; ++s) {
                    for (int n = 0; n < N; ++n) {
                        T* at = weights + s * R + n * lanes<T>;
                        const Vector<T> w = exponential(load(at) - z.top[n], slope);
                        store(at, w);
                        sum[n] += w;
                    }
                }
            }
            const Rows<T> v = rows_of(a.v, b, h, s0, count, a.d_value, staging);
            const auto keep = [&](std::int64_t i, int n, Vector<T> dweight) SYNFER_INLINE {
                const std::int64_t at = (s0 + i) * R + n * lanes<T>;
                store(dscores + at, dweight);
                product[n] = multiply_add(load(weights + at), dweight, product[n]);
            };
            if (a.grad_map == nullptr) {
                dot<T, N>(v, count, g, a.d_value, Nothing{}, keep);
            } else {
                const auto of_map = [&](std::int64_t i, int n) SYNFER_INLINE {
                    return load(grad_map + map_column(s0 + i) * R + n * lanes<T>);
                };
                dot<T, N>(v, count, g, a.d_value, of_map, Nothing{}, keep);
            }
            for (int n = 0; n < N; ++n) total[n] += sum[n], mean[n] += product[n];
        }
    }

    // dscores and pairs of keys [first, first + count), from weights and their gradients.
    SYNFER_DEVICE void differentiate(std::int64_t first, std::int64_t count, const Vector<T> (&inverse)[N],
                                     const Vector<T> (&mean)[N]) {
        for (std::int64_t i = 0; i < count; ++i) {
            for (int n = 0; n < N; ++n) {
                const std::int64_t at = (first + i) * R + n * lanes<T>;
                Vector<T> w = load(weights + at), dz = load(dscores + at);
                if (a.softmax) {
                    w *= inverse[n];
                    dz = w * (dz - mean[n]);
                    store(dscores + at, dz);
                }
                if (apart) {
                    store(weights + at, w);
                } else {
                    Vector<T> low, high;
                    interleave(dz, w, low, high);
                    T* to = pairs + (i * R + n * lanes<T>)*2;
                    store(to, low);
                    store(to + lanes<T>, high);
                }
                if (a.dbias != nullptr) {
                    T* sum = dbias + bias_column(first + i) * R + n * lanes<T>;
                    store(sum, load(sum) + dz);
                }
            }
        }
    }

    // Channels [first, first + the half vector's length) of a token's gradient, as far as there are so many.
    SYNFER_DEVICE static void put(T* row, std::int64_t first, std::int64_t n_channels, HalfVector<T> x, bool add) {
        constexpr std::int64_t length = lanes<T> / 2;
        if (first + length <= n_channels) {
            if (add) {
                HalfVector<T> old;
                __builtin_memcpy(&old, row + first, sizeof old);
                x += old;
            }
            __builtin_memcpy(row + first, &x, sizeof x);
        } else {
            for (std::int64_t i = 0; first + i < n_channels; ++i) row[first + i] = x[i] + (add ? row[first + i] : T(0));
        }
    }

    // dk and dv of `count` keys, from their pairs, or their dscores and weights, and the rows.
    SYNFER_DEVICE void gather_keys(std::int64_t b, std::int64_t h, std::int64_t first, std::int64_t count,
                                   std::int64_t n_rows, bool add) {
        T* dk = a.dk.data + b * a.dk.strides[0] + h * a.dk.strides[1] + first * a.dk.strides[2];
        T* dv = a.dv.data + b * a.dv.strides[0] + h * a.dv.strides[1] + first * a.dv.strides[2];
        if (apart) {
            const auto of = [&](const T* from, const T* rows, std::int64_t n_channels, T* to, std::int64_t stride)
                                SYNFER_INLINE {
                                    gather<T, Alone>(from + first * R, R, count, rows, n_channels, n_rows,
                                                     [&](std::int64_t i, std::int64_t j, Vector<T> sum) SYNFER_INLINE {
                                                         T* at = to + i * stride + j * lanes<T>;
                                                         store(at, add ? load(at) + sum : sum);
                                                     });
                                };
            of(dscores, paired_rows, a.d_key, dk, a.dk.strides[2]);
            return of(weights, paired_rows + R * a.d_key, a.d_value, dv, a.dv.strides[2]);
        }
        gather<T, InPairs>(pairs, 2 * R, count, paired_rows, width, n_rows,
                           [&](std::int64_t i, std::int64_t j, Vector<T> sum) SYNFER_INLINE {
                               HalfVector<T> of_q, of_g;
                               separate(sum, of_q, of_g);
                               const std::int64_t c = j * lanes<T> / 2;
                               put(dk + i * a.dk.strides[2], c, a.d_key, of_q * a.scale, add);
                               put(dv + i * a.dv.strides[2], c, a.d_value, of_g, add);
                           });
    }

    SYNFER_DEVICE void head(std::int64_t b, std::int64_t h, std::int64_t first_row, std::int64_t n_rows) {
        Scores<T, N> z(a, sizes.bias_columns > 0 ? bias : nullptr);
        const Rows<T> q_rows = rows_of(a.q, b, h, first_row, n_rows, a.d_key, staging);
        z.pack_q(q_rows, n_rows, q);
        const Rows<T> g_rows = rows_of(a.grad_out, b, h, first_row, n_rows, a.d_value, staging + R * sizes.channels);
        pack<T, R>(g_rows, n_rows, a.d_value, g);
        pair_rows(q_rows, g_rows, n_rows);

        z.compute(b, h, q, staging, weights);
        Vector<T> total[N], mean[N];
        for (int n = 0; n < N; ++n) total[n] = mean[n] = Vector<T>{};
        weigh(z, b, h, total, mean);
        for (int n = 0; n < N; ++n) {
            total[n] = total[n] == T(0) ? Vector<T>{} : T(1) / total[n];
            mean[n] *= total[n];
        }

        clear(dq, a.d_key * R);
        for (std::int64_t s = 0; s < a.n_keys; s += tile) {
            const std::int64_t count = least(tile, a.n_keys - s);
            differentiate(s, count, total, mean);
            const Rows<T> k = rows_of(a.k, b, h, s, count, a.d_key, staging);
            mix<T, N>(dscores + s * R, k, count, a.d_key, dq);
            gather_keys(b, h, s, count, n_rows, first_row > 0);
        }
        T* to = a.dq.data + b * a.dq.strides[0] + h * a.dq.strides[1] + first_row * a.dq.strides[2];
        const T scale = a.scale;
        unpack<T, R>(dq, n_rows, a.d_key, to, a.dq.strides[2], [&](auto& x) SYNFER_INLINE { x *= scale; });
    }

    SYNFER_DEVICE void run(const AttentionShare& share, std::int64_t first_row, std::int64_t n_rows, T* dbias_to) {
        if (sizes.bias_columns > 0) Scores<T, N>::pack_bias(a, first_row, n_rows, bias);
        if (a.dbias != nullptr) {
            clear(dbias, sizes.bias_columns * R);
        }
        std::int64_t packed = -1;  // the slice that grad_map holds
        for (std::int64_t b = share.batch; b < share.batch_end; ++b) {
            for (std::int64_t h = share.head; h < share.head_end; ++h) {
                const std::int64_t slice =
                    (a.map_over_batch ? 0 : b) * (a.map_over_heads ? 1 : a.n_heads) + (a.map_over_heads ? 0 : h);
                if (a.grad_map != nullptr && slice != packed) pack_map(packed = slice, first_row, n_rows);
                head(b, h, first_row, n_rows);
            }
        }
        if (a.dbias != nullptr) {
            const std::int64_t columns = sizes.bias_columns;
            unpack<T, R>(dbias, n_rows, columns, dbias_to + first_row * columns, columns);
        }
    }
};

}  // namespace

template <class T>
std::size_t backward_bytes(const Attention<T>& a) {
    Pieces pieces{nullptr};
    with_vectors(widest_block<T>(a.n_rows, backward_blocks(a)),
                 [&](auto vectors) { Backward<T, decltype(vectors)::value>(a, pieces); });
    return pieces.used;
}

template <class T>
void backward(const Attention<T>& a, const AttentionShare& share, T* dbias, void* workspace) {
    const std::int64_t n_blocks = backward_blocks(a);
    for (std::int64_t block = 0; block < n_blocks; ++block) {
        const BlockRange range = block_range<T>(a.n_rows, n_blocks, block);
        const std::int64_t first_row = range.first * lanes<T>;
        with_vectors(range.end - range.first, [&](auto vectors) {
            constexpr int N = decltype(vectors)::value;
            Pieces pieces{static_cast<char*>(workspace)};
            Backward<T, N> pass(a, pieces);
            pass.run(share, first_row, least(N * lanes<T>, a.n_rows - first_row), dbias);
        });
    }
}

template std::size_t backward_bytes<float>(const Attention<float>&);
template std::size_t backward_bytes<double>(const Attention<double>&);
template void backward<float>(const Attention<float>&, const AttentionShare&, float*, void*);
template void backward<double>(const Attention<double>&, const AttentionShare&, double*, void*);

}  // namespace synfer::SYNFER_LEVEL
