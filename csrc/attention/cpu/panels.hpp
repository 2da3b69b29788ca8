#pragma once
#include "attention/cpu/layout.hpp"

// Between tensors, whose channels lie side by side, and the kernels' panels, (channel, row), whose rows do: a row has
// a lane of its own, so that softmax, the map and its bias are lane-wise arithmetic.

namespace synfer::SYNFER_LEVEL {

// The first `count` numbers at `to`, a multiple of a vector's.
template <class T>
SYNFER_DEVICE void clear(T* to, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += lanes<T>) store(to + i, Vector<T>{});
}

// Whether any lane of a comparison holds.
template <class M>
SYNFER_DEVICE bool any(M holds) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)holds, (__m512i)holds) != 0;
#elif defined(__AVX2__)
    return _mm256_testz_si256((__m256i)holds, (__m256i)holds) == 0;
#else
    std::uint64_t halves[2];
    __builtin_memcpy(halves, &holds, sizeof halves);
    return (halves[0] | halves[1]) != 0;
#endif
}

typedef float Eight __attribute__((vector_size(32)));

SYNFER_DEVICE void transpose(Eight (&x)[8]) {
    Eight t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        t[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; ++j) {
            u[i + 2 * j] = __builtin_shufflevector(t[i + j], t[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            u[i + 2 * j + 1] = __builtin_shufflevector(t[i + j], t[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; ++i) {
        x[i] = __builtin_shufflevector(u[i], u[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        x[i + 4] = __builtin_shufflevector(u[i], u[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

// to = (a0, b0, a1, b1, ...)
SYNFER_DEVICE void interleave_eight(const float* a, const float* b, float* to) {
    Eight x, y;
    __builtin_memcpy(&x, a, sizeof x);
    __builtin_memcpy(&y, b, sizeof y);
    const Eight low = __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
    const Eight high = __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
    __builtin_memcpy(to, &low, sizeof low);
    __builtin_memcpy(to + 8, &high, sizeof high);
}

// Between eight rows and their part of a panel, R wide: `step(r, c)` for every eight of the rows and channels there
// are. Sixteen rows at a time, for rows often lie in pages of their own, and the processor keeps track of few of those.
template <class Step>
SYNFER_DEVICE void by_eights(std::int64_t n_rows, std::int64_t n_channels, Step step) {
    for (std::int64_t r0 = 0; r0 < n_rows; r0 += 16) {
        const std::int64_t r_end = r0 + 16 < n_rows ? r0 + 16 : n_rows;
        for (std::int64_t c0 = 0; c0 < n_channels; c0 += 16) {
            const std::int64_t c_end = c0 + 16 < n_channels ? c0 + 16 : n_channels;
            for (std::int64_t r = r0; r < r_end; r += 8) {
                for (std::int64_t c = c0; c < c_end; c += 8) step(r, c);
            }
        }
    }
}

// panel[c * R + r] = factor * from[r, c] for r < n_rows, 0 for n_rows <= r < R, the panel's width.
template <class T, std::int64_t R>
SYNFER_DEVICE void pack(Rows<T> from, std::int64_t n_rows, std::int64_t n_channels, T* panel, T factor = T(1)) {
    std::int64_t c = 0;
    if constexpr (sizeof(T) == sizeof(float) && R % 8 == 0) {
        c = n_channels / 8 * 8;
        by_eights(R, c, [&](std::int64_t r0, std::int64_t c0) SYNFER_INLINE {
            Eight x[8];
            for (int i = 0; i < 8; ++i) {
                x[i] = Eight{};
                if (r0 + i < n_rows) __builtin_memcpy(&x[i], from.data + (r0 + i) * from.stride + c0, sizeof(Eight));
            }
            transpose(x);
            for (int i = 0; i < 8; ++i) {
                x[i] *= factor;
                __builtin_memcpy(panel + (c0 + i) * R + r0, &x[i], sizeof(Eight));
            }
        });
    }
    for (; c < n_channels; ++c) {
        for (std::int64_t r = 0; r < R; ++r) {
            panel[c * R + r] = r < n_rows ? factor * from.data[r * from.stride + c] : T(0);
        }
    }
}

// to[r, c] = panel[c * R + r] for r < n_rows, after each(x) has changed it.
template <class T, std::int64_t R, class Each>
SYNFER_DEVICE void unpack(const T* panel, std::int64_t n_rows, std::int64_t n_channels, T* to, std::int64_t stride,
                          Each each) {
    std::int64_t c = 0;
    if constexpr (sizeof(T) == sizeof(float) && R % 8 == 0) {
        c = n_channels / 8 * 8;
        by_eights(n_rows, c, [&](std::int64_t r0, std::int64_t c0) SYNFER_INLINE {
            Eight x[8];
            for (int i = 0; i < 8; ++i) {
                __builtin_memcpy(&x[i], panel + (c0 + i) * R + r0, sizeof(Eight));
                each(x[i]);
            }
            transpose(x);
            for (int i = 0; i < 8; ++i) {
                if (r0 + i < n_rows) __builtin_memcpy(to + (r0 + i) * stride + c0, &x[i], sizeof(Eight));
            }
        });
    }
    for (; c < n_channels; ++c) {
        for (std::int64_t r = 0; r < n_rows; ++r) {
            T x = panel[c * R + r];
            each(x);
            to[r * stride + c] = x;
        }
    }
}
template <class T, std::int64_t R>
SYNFER_DEVICE void unpack(const T* panel, std::int64_t n_rows, std::int64_t n_channels, T* to, std::int64_t stride) {
    unpack<T, R>(panel, n_rows, n_channels, to, stride, [](auto&) SYNFER_INLINE {});
}

}  // namespace synfer::SYNFER_LEVEL
