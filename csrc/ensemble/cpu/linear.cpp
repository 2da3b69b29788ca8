// Linear maps and their gradients. Compiled once per instruction level (CMakeLists.txt).
#include "ensemble/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
std::int64_t widest_out(const Linear<T>& l) {
    std::int64_t widest = 0;
    for (int m = 0; m < l.n_maps; ++m) widest = l.maps[m].n_out > widest ? l.maps[m].n_out : widest;
    return widest;
}

// The workspace of any of the tasks.
template <class T>
struct Workspace {
    T *in, *out;  // a block's (token, in) and (token, out)
    T* packed;    // every map's weights, one behind the other
    T* bias;      // every map's, of row_width(n_out) each
    std::size_t bytes;

    Workspace(const Linear<T>& l, void* memory) {
        Pieces pieces{static_cast<char*>(memory)};
        in = take_block<T>(pieces, l.n_in);
        out = take_block<T>(pieces, widest_out(l));
        std::int64_t weights = 0, biases = 0;
        for (int m = 0; m < l.n_maps; ++m) {
            const std::int64_t forward = packed_size<T>(l.n_in, l.maps[m].n_out);
            const std::int64_t backward = packed_size<T>(l.maps[m].n_out, l.n_in);
            weights += forward > backward ? forward : backward;
            biases += row_width<T>(l.maps[m].n_out);
        }
        packed = pieces.take<T>(weights);
        bias = pieces.take<T>(biases);
        bytes = pieces.used;
    }
};

// Where the sums of a map begin, and how they lie: dweight (out, in) in whole tiles and rows, then dbias.
template <class T>
std::int64_t weight_sums(const Linear<T>& l, const Map<T>& map) {
    return whole(map.n_out, tile_rows) * row_width<T>(l.n_in);
}
template <class T>
std::int64_t map_sums(const Linear<T>& l, const Map<T>& map) {
    return weight_sums(l, map) + row_width<T>(map.n_out);
}

template <class T>
const T* of_group(const T* x, std::int64_t group, std::int64_t size) {
    return x == nullptr ? nullptr : x + group * size;
}

}  // namespace

template <class T>
std::size_t linear_bytes(const Linear<T>& l) {
    return Workspace<T>(l, nullptr).bytes;
}

template <class T>
std::int64_t linear_sums(const Linear<T>& l) {
    std::int64_t sums = 0;
    for (int m = 0; m < l.n_maps; ++m) sums += map_sums(l, l.maps[m]);
    return sums;
}

template <class T>
void linear_forward(const Linear<T>& l, const Segment& s, void* memory) {
    const Workspace<T> w(l, memory);
    const T* const a = of_group(l.a, s.group, l.n_in);
    const T* const c = of_group(l.c, s.group, l.n_in);
    T *packed = w.packed, *bias = w.bias;
    for (int m = 0; m < l.n_maps; ++m) {
        const Map<T>& map = l.maps[m];
        const T* const weight = map.weight + s.group * map.n_out * l.n_in;
        pack_transposed(weight, a, l.n_in, map.n_out, packed);
        for (std::int64_t j = 0; j < map.n_out; ++j) {
            bias[j] = map.bias == nullptr ? T(0) : map.bias[s.group * map.n_out + j];
            if (c != nullptr) bias[j] += dot_in_order(weight + j * l.n_in, c, l.n_in);
        }
        packed += packed_size<T>(l.n_in, map.n_out);
        bias += row_width<T>(map.n_out);
    }
    each_block(s, [&](std::int64_t first, std::int64_t count) SYNFER_INLINE {
        copy_in(l.x, first, count, s.group, l.n_in, w.in);
        packed = w.packed, bias = w.bias;
        for (int m = 0; m < l.n_maps; ++m) {
            const Map<T>& map = l.maps[m];
            const std::int64_t n = map.n_out, width = row_width<T>(n);
            product<T, false, true>(w.in, row_width<T>(l.n_in), packed, 0, count, n, l.n_in, w.out, width, false);
            for (std::int64_t t = 0; t < count; ++t) {
                const T* __restrict__ from = w.out + t * width;
                T* __restrict__ to = token(map.y, first + t, s.group);
                if (l.residual.data == nullptr) {
#pragma omp simd
                    for (std::int64_t j = 0; j < n; ++j) to[j] = from[j] + bias[j];
                } else {
                    const T* r = token(l.residual, first + t, s.group);
#pragma omp simd
                    for (std::int64_t j = 0; j < n; ++j) to[j] = from[j] + bias[j] + r[j];
                }
            }
            packed += packed_size<T>(l.n_in, n);
            bias += width;
        }
    });
}

template <class T>
void linear_input(const Linear<T>& l, const Segment& s, void* memory) {
    const Workspace<T> w(l, memory);
    const std::int64_t width = row_width<T>(l.n_in);
    T* packed = w.packed;
    for (int m = 0; m < l.n_maps; ++m) {
        const Map<T>& map = l.maps[m];
        pack(map.weight + s.group * map.n_out * l.n_in, of_group(l.a, s.group, l.n_in), map.n_out, l.n_in, packed);
        packed += packed_size<T>(map.n_out, l.n_in);
    }
    const T* const slope = of_group(l.slope, s.group, l.n_in);
    const T* const shift = of_group(l.shift, s.group, l.n_in);
    each_block(s, [&](std::int64_t first, std::int64_t count) SYNFER_INLINE {
        packed = w.packed;
        for (int m = 0; m < l.n_maps; ++m) {
            const Map<T>& map = l.maps[m];
            copy_in({map.y.data, map.y.token_stride, map.y.group_stride}, first, count, s.group, map.n_out, w.out);
            product<T, false, true>(w.out, row_width<T>(map.n_out), packed, 0, count, l.n_in, map.n_out, w.in, width,
                                    m > 0);
            packed += packed_size<T>(map.n_out, l.n_in);
        }
        for (std::int64_t t = 0; t < count; ++t) {
            const T* __restrict__ from = w.in + t * width;
            T* __restrict__ to = token(l.dx, first + t, s.group);
            if (slope == nullptr) {
#pragma omp simd
                for (std::int64_t j = 0; j < l.n_in; ++j) to[j] = from[j];
            } else {
                const T* x = token(l.x, first + t, s.group);
#pragma omp simd
                for (std::int64_t j = 0; j < l.n_in; ++j) to[j] = from[j] + multiply_add(slope[j], x[j], shift[j]);
            }
        }
    });
}

template <class T>
void linear_weights(const Linear<T>& l, const Segment& s, T* sums, void* memory) {
    const Workspace<T> w(l, memory);
    const std::int64_t width = row_width<T>(l.n_in);
    T* sum = sums;
    for (int m = 0; m < l.n_maps; ++m) {
        clear(sum + weight_sums(l, l.maps[m]), row_width<T>(l.maps[m].n_out));
        sum += map_sums(l, l.maps[m]);
    }
    each_block(s, [&](std::int64_t first, std::int64_t count) SYNFER_INLINE {
        copy_in(l.x, first, count, s.group, l.n_in, w.in);
        sum = sums;
        for (int m = 0; m < l.n_maps; ++m) {
            const Map<T>& map = l.maps[m];
            const std::int64_t out_width = row_width<T>(map.n_out);
            copy_in({map.y.data, map.y.token_stride, map.y.group_stride}, first, count, s.group, map.n_out, w.out);
            product<T, true, false>(w.out, out_width, w.in, width, map.n_out, l.n_in, count, sum, width,
                                    first > s.begin);
            for (std::int64_t t = 0; t < count; ++t)
                add_to(sum + weight_sums(l, map), w.out + t * out_width, map.n_out);
            sum += map_sums(l, map);
        }
    });
}

template <class T>
void linear_finish(const Linear<T>& l, std::int64_t group, T* sums, std::int64_t n_segments) {
    const std::int64_t n = l.n_in, width = row_width<T>(n), size = linear_sums(l);
    for (std::int64_t i = 1; i < n_segments; ++i) add_to(sums, sums + i * size, size);
    const bool normed = l.a != nullptr;
    const T* const a = of_group(l.a, group, n);
    const T* const c = of_group(l.c, group, n);
    T* __restrict__ const da = normed ? l.da + group * n : nullptr;
    T* __restrict__ const dc = normed ? l.dc + group * n : nullptr;
    if (normed) clear(da, n), clear(dc, n);
    for (int m = 0; m < l.n_maps; ++m) {
        const Map<T>& map = l.maps[m];
        const T* const db = sums + weight_sums(l, map);
        for (std::int64_t i = 0; i < map.n_out; ++i) {
            const T* __restrict__ row = sums + i * width;
            const std::int64_t at = (group * map.n_out + i) * n;
            T* __restrict__ dw = map.dweight + at;
            if (normed) {  // of W a and of b + W c
                const T* w = map.weight + at;
#pragma omp simd
                for (std::int64_t k = 0; k < n; ++k) {
                    dw[k] = multiply_add(db[i], c[k], row[k] * a[k]);
                    da[k] = multiply_add(row[k], w[k], da[k]);
                    dc[k] = multiply_add(db[i], w[k], dc[k]);
                }
            } else {
#pragma omp simd
                for (std::int64_t k = 0; k < n; ++k) dw[k] = row[k];
            }
            if (map.dbias != nullptr) map.dbias[group * map.n_out + i] = db[i];
        }
        sums += map_sums(l, map);
    }
}

#define SYNFER_OF(T)                                                           \
    template std::size_t linear_bytes(const Linear<T>&);                       \
    template std::int64_t linear_sums(const Linear<T>&);                       \
    template void linear_forward(const Linear<T>&, const Segment&, void*);     \
    template void linear_input(const Linear<T>&, const Segment&, void*);       \
    template void linear_weights(const Linear<T>&, const Segment&, T*, void*); \
    template void linear_finish(const Linear<T>&, std::int64_t, T*, std::int64_t);
SYNFER_OF(float)
SYNFER_OF(double)
#undef SYNFER_OF

}  // namespace synfer::SYNFER_LEVEL
