// What takes no products: moments over tokens, affine maps, dropout. Compiled once per instruction level
// (CMakeLists.txt).
#include "ensemble/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {

template <class T>
std::size_t moments_bytes(const Moments<T>& m) {
    Pieces pieces{nullptr};
    pieces.take<T>(2 * m.n_channels);
    pieces.take<double>(m.n_channels);
    return pieces.used;
}

// Two passes, sums of a block's tokens in T and of the blocks in double.
template <class T>
void moments(const Moments<T>& m, const Segment& channels, void* memory) {
    Pieces pieces{static_cast<char*>(memory)};
    const std::int64_t group = channels.group, n = channels.end - channels.begin;
    T* __restrict__ const part = pieces.take<T>(2 * n);
    T* __restrict__ const mean = part + n;
    double* __restrict__ const sum = pieces.take<double>(n);
    const Segment all{group, 0, m.n_tokens};
    const auto pass = [&](auto term) SYNFER_INLINE {
        for (std::int64_t j = 0; j < n; ++j) sum[j] = 0;
        each_block(all, [&](std::int64_t first, std::int64_t count) SYNFER_INLINE {
            clear(part, n);
            for (std::int64_t t = first; t < first + count; ++t) {
                const T* x = token(m.x, t, group) + channels.begin;
#pragma omp simd
                for (std::int64_t j = 0; j < n; ++j) part[j] += term(x[j], mean[j]);
            }
            for (std::int64_t j = 0; j < n; ++j) sum[j] += static_cast<double>(part[j]);
        });
    };
    clear(mean, n);
    pass([](T x, T) SYNFER_INLINE { return x; });
    for (std::int64_t j = 0; j < n; ++j) {
        mean[j] = static_cast<T>(sum[j] / static_cast<double>(m.n_tokens));
        m.mean[group * m.n_channels + channels.begin + j] = mean[j];
    }
    pass([](T x, T about) SYNFER_INLINE { return (x - about) * (x - about); });
    for (std::int64_t j = 0; j < n; ++j) {
        m.variance[group * m.n_channels + channels.begin + j] =
            static_cast<T>(sum[j] / static_cast<double>(m.n_tokens));
    }
}

template <class T>
void affine(const Affine<T>& a, const Segment& s) {
    const T* const slope = a.slope + s.group * a.n_channels;
    const T* const shift = a.shift + s.group * a.n_channels;
    for (std::int64_t t = s.begin; t < s.end; ++t) {
        T* __restrict__ x = token(a.x, t, s.group);
        const T* y = token(a.y, t, s.group);
#pragma omp simd
        for (std::int64_t j = 0; j < a.n_channels; ++j) x[j] += multiply_add(slope[j], y[j], shift[j]);
    }
}

template <class T>
std::size_t dropout_bytes(const Dropout<T>& d) {
    return static_cast<std::size_t>(drop_width(d.n_channels)) * sizeof(T);
}

template <class T>
void dropout(const Dropout<T>& d, const Segment& s, void* memory) {
    T* const factor = static_cast<T*>(memory);
    for (std::int64_t t = s.begin; t < s.end; ++t) {
        drop_factors(d.drop, d.drop.stream, s.group, t, d.n_channels, factor);
        const T* x = token(d.x, t, s.group);
        T* __restrict__ y = token(d.y, t, s.group);
#pragma omp simd
        for (std::int64_t j = 0; j < d.n_channels; ++j) y[j] = x[j] * factor[j];
    }
}

#define SYNFER_OF(T)                                                 \
    template std::size_t moments_bytes(const Moments<T>&);           \
    template void moments(const Moments<T>&, const Segment&, void*); \
    template void affine(const Affine<T>&, const Segment&);          \
    template std::size_t dropout_bytes(const Dropout<T>&);           \
    template void dropout(const Dropout<T>&, const Segment&, void*);
SYNFER_OF(float)
SYNFER_OF(double)
#undef SYNFER_OF

}  // namespace synfer::SYNFER_LEVEL
