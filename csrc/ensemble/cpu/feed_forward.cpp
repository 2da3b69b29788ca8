// The feed-forward block and its gradients, a block of tokens at a time, so that the hidden activations, four times as
// wide as all others, never leave the cache. Compiled once per instruction level (CMakeLists.txt).
#include "ensemble/cpu/kernels.hpp"
#include "ensemble/cpu/normal_law.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
struct Workspace {
    std::int64_t width, hidden_width;  // of a row of channels, of hidden channels
    T *in, *out;                       // (token, channel)
    T *hidden, *slope, *gradient;      // (token, hidden channel); the latter two for gradients
    T* packed1;                        // W1 a by (channel, hidden)
    T* packed2;                        // W2 by (hidden, channel), or for gradients by (channel, hidden)
    T* packed_back;                    // W1 a by (hidden, channel), for gradients
    T *bias1, *factor;                 // (hidden) b1 + W1 c; who of one token is dropped
    std::size_t bytes;

    Workspace(const FeedForward<T>& f, void* memory)
        : width(row_width<T>(f.n_channels)), hidden_width(row_width<T>(f.n_hidden)) {
        Pieces pieces{static_cast<char*>(memory)};
        in = take_block<T>(pieces, f.n_channels);
        out = take_block<T>(pieces, f.n_channels);
        hidden = take_block<T>(pieces, f.n_hidden);
        const bool backward = f.dx.data != nullptr;
        slope = backward ? take_block<T>(pieces, f.n_hidden) : nullptr;
        gradient = backward ? take_block<T>(pieces, f.n_hidden) : nullptr;
        const std::int64_t narrow = packed_size<T>(f.n_hidden, f.n_channels);
        const std::int64_t wide = packed_size<T>(f.n_channels, f.n_hidden);
        packed1 = pieces.take<T>(wide);
        packed2 = pieces.take<T>(backward ? wide : narrow);
        packed_back = backward ? pieces.take<T>(narrow) : nullptr;
        bias1 = pieces.take<T>(hidden_width);
        factor = pieces.take<T>(drop_width(f.n_hidden > f.n_channels ? f.n_hidden : f.n_channels) + lanes<T>);
        bytes = pieces.used;
    }
};

// Where the sums lie, the matrices in whole tiles and rows.
template <class T>
struct Sums {
    std::int64_t dweight2, dbias2, dweight1, dbias1, size;

    explicit Sums(const FeedForward<T>& f) {
        const std::int64_t width = row_width<T>(f.n_channels), hidden_width = row_width<T>(f.n_hidden);
        dweight2 = 0;
        dbias2 = dweight2 + whole(f.n_channels, tile_rows) * hidden_width;
        dweight1 = dbias2 + width;
        dbias1 = dweight1 + whole(f.n_hidden, tile_rows) * width;
        size = dbias1 + hidden_width;
    }
};

template <class T>
const T* of_group(const T* x, std::int64_t group, std::int64_t size) {
    return x == nullptr ? nullptr : x + group * size;
}

// The first map's weights and bias with the normalisation in them.
template <class T>
void prepare(const FeedForward<T>& f, std::int64_t group, const Workspace<T>& w) {
    const T* const weight1 = f.weight1 + group * f.n_hidden * f.n_channels;
    const T* const a = of_group(f.a, group, f.n_channels);
    const T* const c = of_group(f.c, group, f.n_channels);
    pack_transposed(weight1, a, f.n_channels, f.n_hidden, w.packed1);
    if (w.packed_back != nullptr) pack(weight1, a, f.n_hidden, f.n_channels, w.packed_back);
    clear(w.bias1, w.hidden_width);
    for (std::int64_t j = 0; j < f.n_hidden; ++j) {
        w.bias1[j] = f.bias1[group * f.n_hidden + j];
        if (c != nullptr) w.bias1[j] += dot_in_order(weight1 + j * f.n_channels, c, f.n_channels);
    }
    clear(w.factor, drop_width(f.n_hidden > f.n_channels ? f.n_hidden : f.n_channels) + lanes<T>);
}

}  // namespace

template <class T>
std::size_t feed_forward_bytes(const FeedForward<T>& f) {
    return Workspace<T>(f, nullptr).bytes;
}

template <class T>
std::int64_t feed_forward_sums(const FeedForward<T>& f) {
    return Sums<T>(f).size;
}

template <class T>
void feed_forward(const FeedForward<T>& f, const Segment& s, void* memory) {
    const Workspace<T> w(f, memory);
    const std::int64_t n = f.n_channels, n_hidden = f.n_hidden;
    prepare(f, s.group, w);
    pack_transposed(f.weight2 + s.group * n * n_hidden, static_cast<const T*>(nullptr), n_hidden, n, w.packed2);
    const T* const bias2 = f.bias2 + s.group * n;
    each_block(s, [&](std::int64_t first, std::int64_t count) SYNFER_INLINE {
        copy_in(f.x, first, count, s.group, n, w.in);
        product<T, false, true>(w.in, w.width, w.packed1, 0, count, n_hidden, n, w.hidden, w.hidden_width, false);
        for (std::int64_t t = 0; t < count; ++t) {
            drop_factors(f.drop, f.drop.stream + 1, s.group, first + t, n_hidden, w.factor);
            T* const row = w.hidden + t * w.hidden_width;
            for (std::int64_t j = 0; j < n_hidden; j += lanes<T>) {
                const Vector<T> u = load(row + j) + load(w.bias1 + j);
                Vector<T> distribution, density;
                normal_law(u, distribution, density);
                store(row + j, u * distribution * load(w.factor + j));
            }
        }
        product<T, false, true>(w.hidden, w.hidden_width, w.packed2, 0, count, n, n_hidden, w.out, w.width, false);
        for (std::int64_t t = 0; t < count; ++t) {
            drop_factors(f.drop, f.drop.stream, s.group, first + t, n, w.factor);
            const T* __restrict__ from = w.out + t * w.width;
            const T* __restrict__ x = w.in + t * w.width;
            T* __restrict__ to = token(f.y, first + t, s.group);
#pragma omp simd
            for (std::int64_t j = 0; j < n; ++j) to[j] = multiply_add(from[j] + bias2[j], w.factor[j], x[j]);
        }
    });
}

template <class T>
void feed_forward_backward(const FeedForward<T>& f, const Segment& s, T* sums, void* memory) {
    const Workspace<T> w(f, memory);
    const Sums<T> at(f);
    const std::int64_t n = f.n_channels, n_hidden = f.n_hidden;
    prepare(f, s.group, w);
    pack(f.weight2 + s.group * n * n_hidden, static_cast<const T*>(nullptr), n, n_hidden, w.packed2);
    clear(sums + at.dbias2, w.width);
    clear(sums + at.dbias1, w.hidden_width);
    each_block(s, [&](std::int64_t first, std::int64_t count) SYNFER_INLINE {
        const bool add = first > s.begin;
        copy_in(f.x, first, count, s.group, n, w.in);
        product<T, false, true>(w.in, w.width, w.packed1, 0, count, n_hidden, n, w.hidden, w.hidden_width, false);
        for (std::int64_t t = 0; t < count; ++t) {
            drop_factors(f.drop, f.drop.stream, s.group, first + t, n, w.factor);
            const T* dy = token(f.y, first + t, s.group);
            T* __restrict__ out = w.out + t * w.width;
#pragma omp simd
            for (std::int64_t j = 0; j < n; ++j) out[j] = dy[j] * w.factor[j];
            add_to(sums + at.dbias2, out, n);

            drop_factors(f.drop, f.drop.stream + 1, s.group, first + t, n_hidden, w.factor);
            T* const row = w.hidden + t * w.hidden_width;
            T* const slope = w.slope + t * w.hidden_width;
            for (std::int64_t j = 0; j < n_hidden; j += lanes<T>) {
                const Vector<T> u = load(row + j) + load(w.bias1 + j), factor = load(w.factor + j);
                Vector<T> distribution, density;
                normal_law(u, distribution, density);
                store(row + j, u * distribution * factor);
                store(slope + j, multiply_add(u, density, distribution) * factor);
            }
        }
        product<T, true, false>(w.out, w.width, w.hidden, w.hidden_width, n, n_hidden, count, sums + at.dweight2,
                                w.hidden_width, add);
        product<T, false, true>(w.out, w.width, w.packed2, 0, count, n_hidden, n, w.gradient, w.hidden_width, false);
        for (std::int64_t t = 0; t < count; ++t) {
            T* __restrict__ row = w.gradient + t * w.hidden_width;
            const T* slope = w.slope + t * w.hidden_width;
            T* __restrict__ sum = sums + at.dbias1;
#pragma omp simd
            for (std::int64_t j = 0; j < n_hidden; ++j) {
                row[j] *= slope[j];
                sum[j] += row[j];
            }
        }
        product<T, true, false>(w.gradient, w.hidden_width, w.in, w.width, n_hidden, n, count, sums + at.dweight1,
                                w.width, add);
        product<T, false, true>(w.gradient, w.hidden_width, w.packed_back, 0, count, n, n_hidden, w.out, w.width,
                                false);
        for (std::int64_t t = 0; t < count; ++t) {
            const T* dy = token(f.y, first + t, s.group);
            const T* from = w.out + t * w.width;
            T* __restrict__ to = token(f.dx, first + t, s.group);
#pragma omp simd
            for (std::int64_t j = 0; j < n; ++j) to[j] = dy[j] + from[j];
        }
    });
}

template <class T>
void feed_forward_finish(const FeedForward<T>& f, std::int64_t group, T* sums, std::int64_t n_segments) {
    const Sums<T> at(f);
    const std::int64_t n = f.n_channels, n_hidden = f.n_hidden;
    const std::int64_t width = row_width<T>(n), hidden_width = row_width<T>(n_hidden);
    for (std::int64_t i = 1; i < n_segments; ++i) add_to(sums, sums + i * at.size, at.size);
    for (std::int64_t i = 0; i < n; ++i) {
        T* __restrict__ to = f.dweight2 + (group * n + i) * n_hidden;
        const T* row = sums + at.dweight2 + i * hidden_width;
#pragma omp simd
        for (std::int64_t j = 0; j < n_hidden; ++j) to[j] = row[j];
        f.dbias2[group * n + i] = sums[at.dbias2 + i];
    }
    const T* const a = of_group(f.a, group, n);
    const T* const c = of_group(f.c, group, n);
    T* __restrict__ const da = a == nullptr ? nullptr : f.da + group * n;
    T* __restrict__ const dc = a == nullptr ? nullptr : f.dc + group * n;
    if (a != nullptr) clear(da, n), clear(dc, n);
    for (std::int64_t i = 0; i < n_hidden; ++i) {
        const std::int64_t offset = (group * n_hidden + i) * n;
        const T db = sums[at.dbias1 + i];
        const T* row = sums + at.dweight1 + i * width;
        const T* weight = f.weight1 + offset;
        T* __restrict__ to = f.dweight1 + offset;
        f.dbias1[group * n_hidden + i] = db;
        if (a != nullptr) {  // of W1 a and of b1 + W1 c
#pragma omp simd
            for (std::int64_t k = 0; k < n; ++k) {
                to[k] = multiply_add(db, c[k], row[k] * a[k]);
                da[k] = multiply_add(row[k], weight[k], da[k]);
                dc[k] = multiply_add(db, weight[k], dc[k]);
            }
        } else {
#pragma omp simd
            for (std::int64_t k = 0; k < n; ++k) to[k] = row[k];
        }
    }
}

#define SYNFER_OF(T)                                                                       \
    template std::size_t feed_forward_bytes(const FeedForward<T>&);                        \
    template std::int64_t feed_forward_sums(const FeedForward<T>&);                        \
    template void feed_forward(const FeedForward<T>&, const Segment&, void*);              \
    template void feed_forward_backward(const FeedForward<T>&, const Segment&, T*, void*); \
    template void feed_forward_finish(const FeedForward<T>&, std::int64_t, T*, std::int64_t);
SYNFER_OF(float)
SYNFER_OF(double)
#undef SYNFER_OF

}  // namespace synfer::SYNFER_LEVEL
