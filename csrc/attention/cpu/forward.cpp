// The forward pass. Compiled once per instruction level (CMakeLists.txt): see common/level.hpp for what may not be
// used here. A tile of keys at a time: one product for their scores, one exponential a weight, the weights added over
// lags, and one product with their values, all in the first-level cache. What a row's weights are relative to, `top`,
// is the largest score of its first tile, and moves only if a later one is larger by far: there are no corrections to
// speak of, and none of a row's scores needs to be kept but those that go into the map one by one.
#include "attention/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

// Keys that all blocks of a share meet before they meet the next ones: these and their values stay in the second-level
// cache.
constexpr std::int64_t keys_shared = 4 * tile;

template <class T>
std::int64_t bytes_a_vector(const Attention<T>& a) {
    const Sizes<T> sizes(a, a.map != nullptr);
    const std::int64_t weights = a.map == nullptr ? tile : a.map_lags > 1 ? sizes.map_columns + tile : a.n_keys;
    return (weights + sizes.map_columns * (many_heads(a) ? 2 : 1) + sizes.bias_columns) * SYNFER_VECTOR_BYTES;
}

// How many blocks of rows share a pass over keys: as many as leave the second-level cache room for those.
template <class T>
std::int64_t blocks_together(const Attention<T>& a, std::int64_t n_blocks) {
    constexpr std::int64_t held = 1500 << 10;
    const std::int64_t bytes = bytes_a_vector(a) * widest_block<T>(a.n_rows, n_blocks);
    const std::int64_t most = held / (bytes > 0 ? bytes : 1);
    if (a.map != nullptr && !a.map_over_heads) return 1;  // there are slices enough to hold
    return most < 1 ? 1 : most > n_blocks ? n_blocks : most;
}

// What is held of a block of rows while its share is worked on.
template <class T>
struct Block {
    std::int64_t first_row, n_rows, vectors;
    T *q, *out;      // (channel, row)
    T *top, *total;  // (row): what the weights are relative to; their sum
    T* bias;         // (bias column, row)
    T* weights;      // (map column, row): the weights' sums over lags
    T* map;          // (slice, map column, row)
    T* whole;        // (slice, map column, row): what was put by; map's place where so many heads never meet
    T* pending;      // the slice of the map that `weights` are still to be added to, times `factor`; null for none
    T* factor;       // (row)
};

template <class T>
struct Forward {
    const Attention<T>& a;
    const Sizes<T> sizes;
    const Divider column_of;
    const bool keep_weights;  // one by one, for nothing is summed over lags
    std::int64_t n_slices, n_blocks;
    Block<T>* blocks;
    T* scores;   // (key of a tile, row)
    T* staging;  // (token, channel)

    SYNFER_DEVICE Forward(const Attention<T>& attention, std::int64_t slices, BlockRange range, Pieces& pieces)
        : a(attention),
          sizes(a, a.map != nullptr),
          column_of(a.map_lags),
          keep_weights(a.map != nullptr && a.map_lags == 1),
          n_slices(slices),
          n_blocks(range.end - range.first) {
        const std::int64_t all = blocks_of<T>(a.n_rows, bytes_a_vector(a));
        blocks = pieces.take<Block<T>>(n_blocks);
        for (std::int64_t i = 0; i < n_blocks; ++i) {
            const BlockRange rows = block_range<T>(a.n_rows, all, range.first + i);
            Block<T> block;
            block.vectors = rows.end - rows.first;
            block.first_row = rows.first * lanes<T>;
            block.n_rows = least(block.vectors * lanes<T>, a.n_rows - block.first_row);
            const std::int64_t R = block.vectors * lanes<T>, slice = sizes.map_columns * R;
            block.q = pieces.take<T>(a.d_key * R);
            block.out = pieces.take<T>(a.d_value * R);
            block.top = pieces.take<T>(R);
            block.total = pieces.take<T>(R);
            block.factor = pieces.take<T>(R);
            block.bias = pieces.take<T>(sizes.bias_columns * R);
            block.weights = pieces.take<T>(slice);
            block.map = pieces.take<T>(n_slices * slice);
            block.whole = many_heads(a) ? pieces.take<T>(n_slices * slice) : block.map;
            block.pending = nullptr;
            if (blocks != nullptr) blocks[i] = block;
        }
        scores = pieces.take<T>(tile * most_vectors * lanes<T>);
        staging = pieces.take<T>((tile > most_vectors * lanes<T> ? tile : most_vectors * lanes<T>)*sizes.channels);
    }

    // run(block, Count<N>) for each block.
    template <class Run>
    SYNFER_DEVICE void each_block(Run run) {
        for (std::int64_t i = 0; i < n_blocks; ++i) {
            with_vectors(blocks[i].vectors, [&](auto vectors) SYNFER_INLINE { run(blocks[i], vectors); });
        }
    }
    SYNFER_DEVICE std::int64_t slices_size(const Block<T>& block) const {
        return n_slices * sizes.map_columns * block.vectors * lanes<T>;
    }

    // What a head adds to its slice of the map, where nothing is summed over lags: done beside the product that makes
    // the next head's scores, which take the weights' place.
    template <int N>
    struct Pending {
        static constexpr bool here = true;
        const T* weights;
        T* slice;
        Vector<T> factor[N];

        SYNFER_DEVICE explicit Pending(const Block<T>& block) : weights(block.weights), slice(block.pending) {
            for (int n = 0; n < N; ++n) factor[n] = load(block.factor + n * lanes<T>);
        }
        SYNFER_DEVICE void operator()(std::int64_t key, int n) const {
            const std::int64_t i = (key * N + n) * lanes<T>;
            store(slice + i, multiply_add(load(weights + i), factor[n], load(slice + i)));
        }
    };
    template <int N>
    SYNFER_DEVICE void settle(Block<T>& block) {
        if (block.pending == nullptr) return;
        const Pending<N> now(block);
        for (std::int64_t column = 0; column < sizes.map_columns; ++column) {
            for (int n = 0; n < N; ++n) now(column, n);
        }
        block.pending = nullptr;
    }

    // Scores that exceed what weights are relative to by more than this, in powers of two, move it. Weights are at most
    // so large, and as exact as if none exceeded 1.
    static constexpr T slack = T(16);

    // Moves `top` to the rows' largest scores where those exceed it by far, and what was summed with it.
    template <int N>
    SYNFER_DEVICE void rise(Block<T>& block, const Scores<T, N>& z, std::int64_t first) {
        const Vector<T> none = broadcast(-static_cast<T>(__builtin_inf())), slope = broadcast(z.slope);
        bool far = false;
        for (int n = 0; n < N; ++n) {  // also where top is still -inf and the score is not
            far = any((z.top[n] - load(block.top + n * lanes<T>)) * slope > slack) || far;
        }
        if (!far) return;
        constexpr std::int64_t R = N * lanes<T>;
        for (int n = 0; n < N; ++n) {
            T* at = block.top + n * lanes<T>;
            const Vector<T> top = load(at);
            const Vector<T> risen = (z.top[n] - top) * slope > slack ? z.top[n] : top;
            store(at, risen);
            if (first == 0) continue;
            // Nothing was summed where it was -inf. The same where it stays: exactly 1.
            const Vector<T> factor = top == none ? Vector<T>{} : exponential(top - risen, slope);
            const auto correct = [&](T* x) SYNFER_INLINE { store(x, load(x) * factor); };
            correct(block.total + n * lanes<T>);
            for (std::int64_t e = 0; e < a.d_value; ++e) correct(block.out + e * R + n * lanes<T>);
            const std::int64_t columns = keep_weights ? first : (first + a.map_lags - 1) / a.map_lags;
            for (std::int64_t c = 0; a.map != nullptr && c < columns; ++c) {
                correct(block.weights + c * R + n * lanes<T>);
            }
        }
    }

    // Turns the scores of keys [first, end), at `from`, into weights, not yet normalised, adds them up, and adds them
    // up over lags.
    template <int N>
    SYNFER_DEVICE void weigh(Block<T>& block, const Scores<T, N>& z, std::int64_t first, std::int64_t end, T* from) {
        constexpr std::int64_t R = N * lanes<T>;
        const Vector<T> slope = broadcast(z.slope), none = broadcast(-static_cast<T>(__builtin_inf()));
        Vector<T> top[N], sum[N];
        for (int n = 0; n < N; ++n) {
            top[n] = load(block.top + n * lanes<T>);
            top[n] = top[n] == none ? Vector<T>{} : top[n];
            sum[n] = load(block.total + n * lanes<T>);
        }
        const auto weigh_key = [&](std::int64_t s, int n) SYNFER_INLINE {
            T* at = from + (s - first) * R + n * lanes<T>;
            if (!a.softmax) return load(at);
            const Vector<T> w = exponential(load(at) - top[n], slope);
            store(at, w);
            return w;
        };
        if (a.map_lags == 1 || a.map == nullptr) {
            if (!a.softmax) return;
            Vector<T> own[N];
            for (int n = 0; n < N; ++n) own[n] = Vector<T>{};
            for (std::int64_t s = first; s < end; ++s) {
                for (int n = 0; n < N; ++n) own[n] += weigh_key(s, n);
            }
            for (int n = 0; n < N; ++n) sum[n] += own[n];
        } else {
            std::int64_t column = column_of(first), begun = first - column * a.map_lags;  // lags of it in tiles before
            Vector<T> own[N];
            for (int n = 0; n < N; ++n) own[n] = Vector<T>{};
            for (std::int64_t s = first; s < end; ++column, begun = 0) {
                const std::int64_t column_end = least(end, (column + 1) * a.map_lags);
                Vector<T> lags[N];
                for (int n = 0; n < N; ++n) lags[n] = Vector<T>{};
                for (; s < column_end; ++s) {
                    for (int n = 0; n < N; ++n) lags[n] += weigh_key(s, n);
                }
                for (int n = 0; n < N; ++n) {
                    T* at = block.weights + column * R + n * lanes<T>;
                    store(at, begun > 0 ? load(at) + lags[n] : lags[n]);
                    own[n] += lags[n];
                }
            }
            for (int n = 0; n < N; ++n) sum[n] += own[n];
        }
        for (int n = 0; n < N; ++n) store(block.total + n * lanes<T>, sum[n]);
    }

    // Keys [first, end) of a head.
    template <int N>
    SYNFER_DEVICE void meet(Block<T>& block, std::int64_t b, std::int64_t h, std::int64_t first, std::int64_t end) {
        constexpr std::int64_t R = N * lanes<T>;
        Scores<T, N> z(a, sizes.bias_columns > 0 ? block.bias : nullptr);
        for (std::int64_t s = first; s < end; s += tile) {
            const std::int64_t count = least(tile, end - s);
            T* const at = keep_weights ? block.weights + s * R : scores;
            const Rows<T> k = rows_of(a.k, b, h, s, count, a.d_key, staging);
            for (int n = 0; n < N; ++n) z.top[n] = broadcast(-static_cast<T>(__builtin_inf()));
            if (block.pending == nullptr) {
                z.compute_tile(k, s, count, block.q, at, Nothing{});
            } else {
                z.compute_tile(k, s, count, block.q, at, Pending<N>(block));
            }
            const Rows<T> v = rows_of(a.v, b, h, s, count, a.d_value, staging);
            if (n_blocks > 1 && &block == blocks) {  // what all will meet next, while there is arithmetic to hide it
                for (std::int64_t i = keys_shared; i < keys_shared + count; ++i) {
                    foresee(k.data + i * k.stride, a.d_key);
                    foresee(v.data + i * v.stride, a.d_value);
                }
            }
            if (a.softmax) rise<N>(block, z, s);
            weigh<N>(block, z, s, s + count, at);
            mix<T, N>(at, v, count, a.d_value, block.out);
        }
    }

    template <int N>
    SYNFER_DEVICE void begin(Block<T>& block, std::int64_t b, std::int64_t h) {
        constexpr std::int64_t R = N * lanes<T>;
        const Scores<T, N> z(a, sizes.bias_columns > 0 ? block.bias : nullptr);
        z.pack_q(rows_of(a.q, b, h, block.first_row, block.n_rows, a.d_key, staging), block.n_rows, block.q);
        clear(block.out, a.d_value * R);
        clear(block.total, R);
        for (int n = 0; n < N; ++n) store(block.top + n * lanes<T>, broadcast(-static_cast<T>(__builtin_inf())));
    }

    template <int N>
    SYNFER_DEVICE void end(Block<T>& block, std::int64_t b, std::int64_t h, T* slice) {
        constexpr std::int64_t R = N * lanes<T>;
        Vector<T> total[N];
        for (int n = 0; n < N; ++n) {
            total[n] = broadcast(T(1));
            if (!a.softmax) continue;
            const Vector<T> sum = load(block.total + n * lanes<T>);
            total[n] = sum == T(0) ? Vector<T>{} : T(1) / sum;
            for (std::int64_t e = 0; e < a.d_value; ++e) {
                T* at = block.out + e * R + n * lanes<T>;
                store(at, load(at) * total[n]);
            }
        }
        T* to = a.out.data + b * a.out.strides[0] + h * a.out.strides[1] + block.first_row * a.out.strides[2];
        unpack<T, R>(block.out, block.n_rows, a.d_value, to, a.out.strides[2]);

        block.pending = slice;
        for (int n = 0; n < N; ++n) store(block.factor + n * lanes<T>, total[n]);
        if (!keep_weights) settle<N>(block);
    }

    SYNFER_DEVICE void clear_map() {
        each_block([&](Block<T>& block, auto) SYNFER_INLINE {
            clear(block.map, slices_size(block));
            if (block.whole != block.map) clear(block.whole, slices_size(block));
        });
    }

    SYNFER_DEVICE void put_by() {
        each_block([&](Block<T>& block, auto vectors) SYNFER_INLINE {
            settle<decltype(vectors)::value>(block);
            T *to = block.whole, *from = block.map;
            for (std::int64_t i = 0; to != from && i < slices_size(block); i += lanes<T>) {
                store(to + i, load(to + i) + load(from + i));
                store(from + i, Vector<T>{});
            }
        });
    }

    // The slices of batch element b (0 where the map is reduced over it), from head `head` on, to where they belong.
    SYNFER_DEVICE void write_map(std::int64_t b, std::int64_t head, T* to) {
        const std::int64_t columns = sizes.map_columns, slice_heads = a.map_over_heads ? 1 : a.n_heads;
        const T shared = a.map_shared;
        put_by();
        each_block([&](Block<T>& block, auto vectors) SYNFER_INLINE {
            constexpr std::int64_t R = decltype(vectors)::value * lanes<T>;
            for (std::int64_t i = 0; i < n_slices; ++i) {
                const std::int64_t slice = b * slice_heads + head + i;
                unpack<T, R>(block.whole + i * columns * R, block.n_rows, columns,
                             to + (slice * a.n_rows + block.first_row) * columns, columns,
                             [&](auto& x) SYNFER_INLINE { x /= shared; });
            }
        });
    }

    SYNFER_DEVICE void head(std::int64_t b, std::int64_t h, std::int64_t own_slice) {
        each_block([&](Block<T>& block, auto vectors) SYNFER_INLINE { begin<decltype(vectors)::value>(block, b, h); });
        const std::int64_t together = n_blocks > 1 ? keys_shared : a.n_keys;
        for (std::int64_t s = 0; s < a.n_keys; s += together) {
            each_block([&](Block<T>& block, auto vectors) SYNFER_INLINE {
                meet<decltype(vectors)::value>(block, b, h, s, least(s + together, a.n_keys));
            });
        }
        each_block([&](Block<T>& block, auto vectors) SYNFER_INLINE {
            constexpr int N = decltype(vectors)::value;
            end<N>(block, b, h, a.map == nullptr ? nullptr : block.map + own_slice * sizes.map_columns * N * lanes<T>);
        });
    }

    SYNFER_DEVICE void run(const AttentionShare& share, T* to) {
        each_block([&](Block<T>& block, auto vectors) SYNFER_INLINE {
            using Own = Scores<T, decltype(vectors)::value>;
            if (sizes.bias_columns > 0) Own::pack_bias(a, block.first_row, block.n_rows, block.bias);
        });
        const std::int64_t first_slice = a.map_over_heads ? 0 : share.head;
        if (to != nullptr) clear_map();
        std::int64_t added = 0;
        for (std::int64_t b = share.batch; b < share.batch_end; ++b) {
            for (std::int64_t h = share.head; h < share.head_end; ++h) {
                head(b, h, a.map_over_heads ? 0 : h - share.head);
                if (to != nullptr && a.map_over_heads && ++added % heads_added == 0) put_by();
            }
            if (to != nullptr && !a.map_over_batch) {
                write_map(b, first_slice, to);
                clear_map();
            } else if (to != nullptr && !a.map_over_heads && ++added % heads_added == 0) {
                put_by();
            }
        }
        if (to != nullptr && a.map_over_batch) write_map(0, first_slice, to);
    }
};

// Blocks [first, end) that group `group` is of.
template <class T>
SYNFER_DEVICE BlockRange group_range(const Attention<T>& a, std::int64_t group) {
    const std::int64_t blocks = blocks_of<T>(a.n_rows, bytes_a_vector(a)), groups = forward_groups(a);
    return {group * blocks / groups, (group + 1) * blocks / groups};
}

}  // namespace

template <class T>
std::int64_t forward_groups(const Attention<T>& a) {
    const std::int64_t blocks = blocks_of<T>(a.n_rows, bytes_a_vector(a)), together = blocks_together(a, blocks);
    return (blocks + together - 1) / together;
}

template <class T>
std::size_t forward_bytes(const Attention<T>& a, std::int64_t n_slices) {
    std::size_t most = 0;
    for (std::int64_t group = 0; group < forward_groups(a); ++group) {
        Pieces pieces{nullptr};
        Forward<T>(a, n_slices, group_range(a, group), pieces);
        most = pieces.used > most ? pieces.used : most;
    }
    return most;
}

template <class T>
void forward(const Attention<T>& a, const AttentionShare& share, T* map, void* workspace) {
    const std::int64_t n_slices = a.map == nullptr ? 0 : a.map_over_heads ? 1 : share.head_end - share.head;
    Pieces pieces{static_cast<char*>(workspace)};
    Forward<T> pass(a, n_slices, group_range(a, share.group), pieces);
    pass.run(share, map);
}

template std::int64_t forward_groups<float>(const Attention<float>&);
template std::int64_t forward_groups<double>(const Attention<double>&);
template std::size_t forward_bytes<float>(const Attention<float>&, std::int64_t);
template std::size_t forward_bytes<double>(const Attention<double>&, std::int64_t);
template void forward<float>(const Attention<float>&, const AttentionShare&, float*, void*);
template void forward<double>(const Attention<double>&, const AttentionShare&, double*, void*);

}  // namespace synfer::SYNFER_LEVEL
