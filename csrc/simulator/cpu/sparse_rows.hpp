#pragma once
#include "common/vector.hpp"
#include "simulator/cpu/layout.hpp"

// As dense_rows.hpp, for matrices that are mostly 0.

namespace synfer::SYNFER_LEVEL {

SYNFER_DEVICE Vector<float> gather(const float* from, const std::int32_t* places) {
#if defined(__AVX512F__)
    return (Vector<float>)_mm512_i32gather_ps(_mm512_loadu_si512(places), from, 4);
#else
    Vector<float> x;
    for (int i = 0; i < lanes<float>; ++i) x[i] = from[places[i]];
    return x;
#endif
}
SYNFER_DEVICE Vector<double> gather(const double* from, const std::int32_t* places) {
#if defined(__AVX512F__)
    return (Vector<double>)_mm512_i32gather_pd(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(places)), from, 8);
#else
    Vector<double> x;
    for (int i = 0; i < lanes<double>; ++i) x[i] = from[places[i]];
    return x;
#endif
}

// Rows [from, to) of a sparse matrix, as many side by side as fill 64 bytes, each as long as the longest of them.
template <class T>
struct SparseRows {
    static constexpr std::int64_t height = padded<T>(1);
    std::int64_t n_groups;
    std::int64_t* starts;   // (group + 1): first of its columns
    std::int32_t* sources;  // (column, row)
    T* values;              // (column, row)

    static std::int64_t columns(const std::int64_t* row_starts, std::int64_t from, std::int64_t to) {
        std::int64_t longest = 0;
        for (std::int64_t i = from; i < to; ++i)
            longest = row_starts[i + 1] - row_starts[i] > longest ? row_starts[i + 1] - row_starts[i] : longest;
        return longest;
    }
    static SparseRows of(const std::int64_t* row_starts, std::int64_t from, std::int64_t to, Workspace& workspace) {
        std::int64_t total = 0;
        for (std::int64_t i = from; i < to; i += height)
            total += columns(row_starts, i, i + height < to ? i + height : to);
        const std::int64_t groups = (to - from + height - 1) / height;
        std::int64_t* starts = workspace.take<std::int64_t>(groups + 1);
        std::int32_t* sources = workspace.take<std::int32_t>(total * height);
        return {groups, starts, sources, workspace.take<T>(total * height)};
    }
    void pack(const std::int64_t* row_starts, const std::int32_t* given_sources, const T* given_values,
              std::int64_t from, std::int64_t to) const {
        starts[0] = 0;
        for (std::int64_t g = 0; g < n_groups; ++g) {
            const std::int64_t first = from + g * height, last = first + height < to ? first + height : to;
            const std::int64_t n = columns(row_starts, first, last);
            starts[g + 1] = starts[g] + n;
            for (std::int64_t i = 0; i < height; ++i) {
                const std::int64_t begin = first + i < last ? row_starts[first + i] : 0;
                const std::int64_t length = first + i < last ? row_starts[first + i + 1] - begin : 0;
                for (std::int64_t c = 0; c < n; ++c) {
                    const std::int64_t at = (starts[g] + c) * height + i;
                    sources[at] = c < length ? given_sources[begin + c] : 0;
                    values[at] = c < length ? given_values[begin + c] : T(0);
                }
            }
        }
    }
    void multiply(const T* output, T* out) const {
        constexpr int n_vectors = static_cast<int>(height / lanes<T>);
        for (std::int64_t g = 0; g < n_groups; ++g) {
            Vector<T> sum[n_vectors] = {};
            for (std::int64_t c = starts[g]; c < starts[g + 1]; ++c) {
                for (int v = 0; v < n_vectors; ++v) {
                    const std::int64_t at = c * height + v * lanes<T>;
                    sum[v] = multiply_add(load(values + at), gather(output, sources + at), sum[v]);
                }
            }
            for (int v = 0; v < n_vectors; ++v) store(out + g * height + v * lanes<T>, sum[v]);
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
