// Samples as tokens, and the gradients of what makes them. Compiled once per instruction level (CMakeLists.txt).
#include "ensemble/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
struct Workspace {
    T *sample_factor, *unit_factor, *row;
    std::size_t bytes;

    Workspace(const Embedding<T>& e, void* memory) {
        Pieces pieces{static_cast<char*>(memory)};
        sample_factor = pieces.take<T>(drop_width(e.n_channels));
        unit_factor = pieces.take<T>(drop_width(e.n_channels));
        row = pieces.take<T>(e.n_channels);
        bytes = pieces.used;
    }
};

// visit(batch element, unit, lag, token) with the token's factors drawn.
template <class T, class Visit>
SYNFER_DEVICE void each_token(const Embedding<T>& e, const Segment& s, const Workspace<T>& w, Visit visit) {
    for (std::int64_t b = s.begin; b < s.end; ++b) {
        for (std::int64_t u = 0; u < e.n_units; ++u) {
            for (std::int64_t l = 0; l < e.n_lags; ++l) {
                const std::int64_t t = (b * e.n_units + u) * e.n_lags + l;
                drop_factors(e.drop, e.drop.stream, s.group, t, e.n_channels, w.unit_factor);
                drop_factors(e.drop, e.drop.stream + 1, s.group, t, e.n_channels, w.sample_factor);
                visit(b, u, l, t);
            }
        }
    }
}

}  // namespace

template <class T>
std::size_t embedding_bytes(const Embedding<T>& e) {
    return Workspace<T>(e, nullptr).bytes;
}

template <class T>
void embedding(const Embedding<T>& e, const Segment& s, void* memory) {
    const Workspace<T> w(e, memory);
    const std::int64_t n = e.n_channels;
    const T* const direction = e.direction + s.group * n;
    each_token(e, s, w, [&](std::int64_t b, std::int64_t u, std::int64_t l, std::int64_t t) SYNFER_INLINE {
        const T value = e.value[s.group * e.value_group_stride + t * e.value_token_stride];
        const T* offset = e.offset + ((s.group * e.n_batch + b) * e.n_lags + l) * n;
        const T* unit = e.unit + (s.group * e.n_units + u) * n;
        T* __restrict__ y = token(e.y, t, s.group);
#pragma omp simd
        for (std::int64_t j = 0; j < n; ++j) {
            const T sample = multiply_add(value, direction[j], offset[j]);
            y[j] = multiply_add(sample, w.sample_factor[j], unit[j] * w.unit_factor[j]);
        }
    });
}

template <class T>
void embedding_backward(const Embedding<T>& e, std::int64_t group, void* memory) {
    const Workspace<T> w(e, memory);
    const std::int64_t n = e.n_channels, n_tokens = e.n_batch * e.n_units * e.n_lags;
    const T* const direction = e.direction + group * n;
    T* const ddirection = e.ddirection + group * n;
    T* const doffset = e.doffset + group * e.n_batch * e.n_lags * n;
    T* const dunit = e.dunit + group * e.n_units * n;
    clear(ddirection, n);
    clear(doffset, e.n_batch * e.n_lags * n);
    clear(dunit, e.n_units * n);
    each_token(e, {group, 0, e.n_batch}, w,
               [&](std::int64_t b, std::int64_t u, std::int64_t l, std::int64_t t) SYNFER_INLINE {
                   const T value = e.value[group * e.value_group_stride + t * e.value_token_stride];
                   const T* dy = token(e.y, t, group);
                   T* __restrict__ to_direction = ddirection;
                   T* __restrict__ to_offset = doffset + (b * e.n_lags + l) * n;
                   T* __restrict__ to_unit = dunit + u * n;
                   T* __restrict__ row = w.row;
#pragma omp simd
                   for (std::int64_t j = 0; j < n; ++j) {
                       row[j] = dy[j] * w.sample_factor[j];
                       to_offset[j] += row[j];
                       to_direction[j] = multiply_add(value, row[j], to_direction[j]);
                       to_unit[j] = multiply_add(dy[j], w.unit_factor[j], to_unit[j]);
                   }
                   if (e.dvalue != nullptr) e.dvalue[group * n_tokens + t] = dot_in_order(row, direction, n);
               });
}

#define SYNFER_OF(T)                                                     \
    template std::size_t embedding_bytes(const Embedding<T>&);           \
    template void embedding(const Embedding<T>&, const Segment&, void*); \
    template void embedding_backward(const Embedding<T>&, std::int64_t, void*);
SYNFER_OF(float)
SYNFER_OF(double)
#undef SYNFER_OF

}  // namespace synfer::SYNFER_LEVEL
