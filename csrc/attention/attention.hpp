#pragma once
#include <cstddef>
#include <cstdint>

// Attention that exports its map: signatures and the mathematics. The kernels behind them are compiled once per
// instruction level, so this header holds plain data and no inline function.
//
// For each batch element b and head h (B of one, H of the other), with S = n_sources x lags keys, source-major:
//     z[l, s] = scale * sum_d q[l, d] k[s, d] + bias[l, s / bias_lags]
//     A[l, s] = exp(z[l, s] - max_s z[l, s]) / sum_s exp(...)    0 in a row whose every z is -inf
//     out[l, e] = sum_s A[l, s] v[s, e]
//     map[l, c] = sum of A over s / map_lags = c, its mean over the map_shared pairs (b, h) that share a slice of the
//     map
// and without normalisation A = z. From g = d loss / d out and G = d loss / d map:
//     dA[l, s] = sum_e g[l, e] v[s, e] + G[l, s / map_lags] / map_shared
//     dz = A * (dA - sum_s A dA)    or dA without normalisation
//     dq = scale * dz k,  dk = scale * dz' q,  dv = A' g,  dbias[l, c] = sum of dz over b, h and s / bias_lags = c
// Nothing is kept from the forward pass: the backward pass holds a block of rows' z and dA whole, so their maximum and
// sums cost it an addition a weight, less than keeping and reading them back would.

namespace synfer {

enum class Scalar { float32, float64, bfloat16 };

// A tensor of four axes (batch, head, token, channel), strides in elements. data may be null: a tensor of zeros.
struct Tensor4 {
    const void* data;
    std::int64_t strides[4];
    Scalar scalar;
};
template <class T>
struct Result4 {
    T* data;
    std::int64_t strides[3];  // the channels lie side by side
};

template <class T>
struct Attention {
    std::int64_t n_batch, n_heads, n_rows, n_keys, d_key, d_value;  // B, H, L, S, D, E
    T scale;
    bool softmax;

    Tensor4 q, k, v;               // (B, H, L, D), (B, H, S, D), (B, H, S, E)
    const T* bias;                 // (L, S / bias_lags), null for none
    std::int64_t bias_strides[2];  // in elements
    std::int64_t bias_lags;

    std::int64_t map_lags;
    bool map_over_batch, map_over_heads;  // reduced over it
    T map_shared;                         // how many heads share a slice of the map

    // Forward.
    Result4<T> out;  // (B, H, L, E)
    T* map;          // ([B,] [H,] L, S / map_lags), in C order; null if not wanted

    // Backward.
    Tensor4 grad_out;   // (B, H, L, E)
    const T* grad_map;  // as map; null for zeros
    Result4<T> dq, dk, dv;
    T* dbias;  // (L, S / bias_lags), in C order; null if not wanted
};

// Some of the work: batch elements [batch, batch_end), heads [head, head_end), and one group of rows (forward) or all
// (backward).
struct AttentionShare {
    std::int64_t batch, batch_end, head, head_end, group;
};

template <class T>
struct AttentionKernels {
    std::int64_t (*forward_groups)(const Attention<T>&);  // that the rows are cut into
    // Bytes of workspace, aligned to 64, that a share needs; forward, one that meets n_slices slices of the map.
    std::size_t (*forward_bytes)(const Attention<T>&, std::int64_t n_slices);
    std::size_t (*backward_bytes)(const Attention<T>&);
    // Writes its part of out, and its sum of A / map_shared to `map`, laid out as Attention::map (null if not wanted).
    void (*forward)(const Attention<T>&, const AttentionShare&, T* map, void* workspace);
    // Writes its part of dq, dk, dv, and its sum of dz to `dbias`.
    void (*backward)(const Attention<T>&, const AttentionShare&, T* dbias, void* workspace);
};

// Two kinds of heads: those with so few rows that vectors hold keys, and all others, whose vectors hold rows.
template <class T>
struct AttentionSort {
    bool (*has_few_rows)(const Attention<T>&);
    AttentionKernels<T> few, many;
};

struct AttentionLevel {
    AttentionSort<float> single;
    AttentionSort<double> full;
};

namespace baseline {
extern const AttentionLevel attention;
}
#ifdef SYNFER_X86_LEVELS
namespace avx2 {
extern const AttentionLevel attention;
}
namespace avx512 {
extern const AttentionLevel attention;
}
#endif

// On up to n_threads threads, fewer where the work is small. The same bits for any number of them: what is summed
// over shares is summed in an order that depends on the shapes alone.
template <class T>
void attention_forward(const Attention<T>&, int n_threads);
template <class T>
void attention_backward(const Attention<T>&, int n_threads);

}  // namespace synfer
