#pragma once
#include "common/vector.hpp"
#include "simulator/cpu/layout.hpp"

// Sums over what the other units do: products of matrices with vectors, as fast as the matrices can be read. The sum of
// a row is taken in the order of its sources, whatever rows are beside it, so that results do not depend on how the
// rows are shared out.

namespace synfer::SYNFER_LEVEL {

// Vectors of targets whose sums stay in registers while the sources go by.
#if SYNFER_VECTOR_BYTES == 64
constexpr int most_vectors = 16;
#else
constexpr int most_vectors = 8;
#endif

// out[v] = sum over lags and sources of panel[lag, source, v] outputs[lag][source], V vectors of targets.
template <class T, int V>
SYNFER_DEVICE void multiply_panel(const T* panel, const T* const* outputs, std::int64_t n_lags, std::int64_t n_sources,
                                  T* out) {
    Vector<T> sum[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[v] = Vector<T>{};
    for (std::int64_t l = 0; l < n_lags; ++l) {
        const T* output = outputs[l];
        for (std::int64_t j = 0; j < n_sources; ++j, panel += V * lanes<T>) {
            const Vector<T> y = broadcast(output[j]);
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[v] = multiply_add(load(panel + v * lanes<T>), y, sum[v]);
        }
    }
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) store(out + v * lanes<T>, sum[v]);
}

// Rows [from, to) of a dense matrix, cut into panels of nearly equal numbers of vectors.
template <class T>
struct DenseRows {
    std::int64_t n_lags, n_sources, n_vectors, n_panels;
    T* panels;  // (panel, lag, source, row of the panel)

    static DenseRows of(std::int64_t n_rows, std::int64_t n_lags, std::int64_t n_sources, Workspace& workspace) {
        const std::int64_t vectors = (n_rows + lanes<T> - 1) / lanes<T>;
        return {n_lags, n_sources, vectors, (vectors + most_vectors - 1) / most_vectors,
                workspace.take<T>(vectors * lanes<T> * n_lags * n_sources)};
    }
    std::int64_t first_vector(std::int64_t panel) const { return panel * n_vectors / n_panels; }

    // weights (lag, target, source) of n_units targets
    void pack(const T* weights, std::int64_t n_units, std::int64_t from, std::int64_t to) const {
        for (std::int64_t p = 0; p < n_panels; ++p) {
            const std::int64_t first = from + first_vector(p) * lanes<T>;
            const std::int64_t height = (first_vector(p + 1) - first_vector(p)) * lanes<T>;
            T* panel = panels + first_vector(p) * lanes<T> * n_lags * n_sources;
            for (std::int64_t l = 0; l < n_lags; ++l) {
                for (std::int64_t j = 0; j < n_sources; ++j, panel += height) {
                    for (std::int64_t i = 0; i < height; ++i)
                        panel[i] = first + i < to ? weights[(l * n_units + first + i) * n_sources + j] : T(0);
                }
            }
        }
    }

    // out (row), padded to whole vectors
    void multiply(const T* const* outputs, T* out) const {
        for (std::int64_t p = 0; p < n_panels; ++p) {
            const T* panel = panels + first_vector(p) * lanes<T> * n_lags * n_sources;
            T* to = out + first_vector(p) * lanes<T>;
            switch (first_vector(p + 1) - first_vector(p)) {
#define SYNFER_PANEL(V)                                              \
    case V:                                                          \
        multiply_panel<T, V>(panel, outputs, n_lags, n_sources, to); \
        break;
                SYNFER_PANEL(1)
                SYNFER_PANEL(2)
                SYNFER_PANEL(3)
                SYNFER_PANEL(4)
                SYNFER_PANEL(5)
                SYNFER_PANEL(6)
                SYNFER_PANEL(7)
                SYNFER_PANEL(8)
#if SYNFER_VECTOR_BYTES == 64
                SYNFER_PANEL(9)
                SYNFER_PANEL(10)
                SYNFER_PANEL(11)
                SYNFER_PANEL(12)
                SYNFER_PANEL(13)
                SYNFER_PANEL(14)
                SYNFER_PANEL(15)
                SYNFER_PANEL(16)
#endif
#undef SYNFER_PANEL
            }
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
