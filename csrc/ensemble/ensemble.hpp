#pragma once
#include <cstddef>
#include <cstdint>

// Layers of an ensemble: G small networks ("groups") trained side by side, each with weights of its own. Signatures and
// maths only; the kernels are compiled once per instruction level (cpu/level.cpp), so this header holds plain data.
//
// Activations are (group, token, channel). Results are the same bits for any number of threads: a group's tokens are
// cut into segments by their number alone, and what is summed over segments is summed in their order.

namespace synfer {

// (group, token, channel); the channels of a token lie side by side.
template <class T>
struct Tokens {
    T* data;
    std::int64_t token_stride, group_stride;
};

// One of the maps that read the same input.
template <class T>
struct Map {
    std::int64_t n_out;
    const T* weight;  // (group, out, in)
    const T* bias;    // (group, out); null: none
    Tokens<T> y;      // (group, token, out): what the map gives, or the gradient of that
    T* dweight;       // (group, out, in)
    T* dbias;         // (group, out)
};

// y_m = W_m (a x + c) + b_m + residual, with a and c of each group and input channel: normalisation folded into the
// maps that read it. The residual, if any, is that of the only map.
template <class T>
struct Linear {
    std::int64_t n_tokens, n_groups, n_in;
    const Map<T>* maps;
    int n_maps;
    Tokens<const T> x;  // (group, token, in)
    const T *a, *c;     // (group, in); both null: 1 and 0
    Tokens<const T> residual;
    // Gradients: dx = sum_m dy_m W_m a + slope x + shift, the latter two of each group and channel, null for none.
    Tokens<T> dx;
    const T *slope, *shift;
    T *da, *dc;  // (group, in), where a and c are given
};

// Of each group and channel over the tokens: mean, and variance (divided by the number of tokens); (group, channel).
template <class T>
struct Moments {
    std::int64_t n_tokens, n_groups, n_channels;
    Tokens<const T> x;
    T *mean, *variance;
};

// Which elements are dropped: element (token, channel) of group g by 16 bits of the Philox block with key seeds[g] and
// counter (token, channel's block, stream, step). Kept ones are scaled by 1 / (1 - p), p = threshold / 2^16.
struct Drop {
    const std::uint64_t* seeds;  // (group)
    std::uint32_t stream, step;
    std::uint32_t threshold;  // 0: nothing is dropped
};

// y = x + drop(W2 drop'(gelu(W1 (a x + c) + b1)) + b2), drop' with the stream after drop's. gelu(u) = u Phi(u).
// The hidden activations are never held: the gradients make them again.
template <class T>
struct FeedForward {
    std::int64_t n_tokens, n_groups, n_channels, n_hidden;
    Tokens<const T> x;
    const T *a, *c;            // (group, channel)
    const T *weight1, *bias1;  // (group, hidden, channel), (group, hidden)
    const T *weight2, *bias2;  // (group, channel, hidden), (group, channel)
    Drop drop;
    Tokens<T> y;  // or the gradient of y
    // Gradients; that of x is without what it owes to a and c.
    Tokens<T> dx;
    T *da, *dc, *dweight1, *dbias1, *dweight2, *dbias2;
};

// x += slope y + shift, slope and shift (group, channel).
template <class T>
struct Affine {
    std::int64_t n_tokens, n_groups, n_channels;
    Tokens<T> x;
    Tokens<const T> y;
    const T *slope, *shift;
};

// y = drop(x).
template <class T>
struct Dropout {
    std::int64_t n_tokens, n_groups, n_channels;
    Tokens<const T> x;
    Drop drop;
    Tokens<T> y;
};

// Tokens (batch element b, unit n, lag l) of samples: y = drop'(value direction + offset_{b, l}) + drop(unit_n), drop'
// with the stream after drop's.
template <class T>
struct Embedding {
    std::int64_t n_groups, n_batch, n_units, n_lags, n_channels;
    const T* value;  // (group, batch element, unit, lag) by these strides; the tokens follow one another
    std::int64_t value_group_stride, value_token_stride;
    const T *direction, *offset,
        *unit;  // (group, channel), (group, batch element, lag, channel), (group, unit, channel)
    Drop drop;
    Tokens<T> y;                               // or the gradient of y
    T *dvalue, *ddirection, *doffset, *dunit;  // dvalue (group, token), null if not wanted
};

// The tokens of one group that one task works through.
struct Segment {
    std::int64_t group, begin, end;
};

// What a task does, in a workspace of so many bytes, aligned to 64. A task that sums over its tokens writes `sums`, so
// many elements of them; the task that finishes a group is given those of all its segments, one behind the other.
template <class T>
struct EnsembleKernels {
    std::size_t (*linear_bytes)(const Linear<T>&);
    std::int64_t (*linear_sums)(const Linear<T>&);
    void (*linear_forward)(const Linear<T>&, const Segment&, void* workspace);
    void (*linear_input)(const Linear<T>&, const Segment&, void* workspace);
    void (*linear_weights)(const Linear<T>&, const Segment&, T* sums, void* workspace);
    void (*linear_finish)(const Linear<T>&, std::int64_t group, T* sums, std::int64_t n_segments);

    std::size_t (*feed_forward_bytes)(const FeedForward<T>&);
    std::int64_t (*feed_forward_sums)(const FeedForward<T>&);
    void (*feed_forward)(const FeedForward<T>&, const Segment&, void* workspace);
    void (*feed_forward_backward)(const FeedForward<T>&, const Segment&, T* sums, void* workspace);
    void (*feed_forward_finish)(const FeedForward<T>&, std::int64_t group, T* sums, std::int64_t n_segments);

    std::size_t (*moments_bytes)(const Moments<T>&);
    void (*moments)(const Moments<T>&, std::int64_t group, void* workspace);
    void (*affine)(const Affine<T>&, const Segment&);
    std::size_t (*dropout_bytes)(const Dropout<T>&);
    void (*dropout)(const Dropout<T>&, const Segment&, void* workspace);
    // Segments of batch elements.
    std::size_t (*embedding_bytes)(const Embedding<T>&);
    void (*embedding)(const Embedding<T>&, const Segment&, void* workspace);
    void (*embedding_backward)(const Embedding<T>&, std::int64_t group, void* workspace);
};

struct EnsembleLevel {
    EnsembleKernels<float> single;
    EnsembleKernels<double> full;
};

namespace baseline {
extern const EnsembleLevel ensemble;
}
#ifdef SYNFER_X86_LEVELS
namespace avx2 {
extern const EnsembleLevel ensemble;
}
namespace avx512 {
extern const EnsembleLevel ensemble;
}
#endif

template <class T>
void linear_forward(const Linear<T>&, int n_threads);
template <class T>
void linear_input_gradient(const Linear<T>&, int n_threads);
template <class T>
void linear_weight_gradients(const Linear<T>&, int n_threads);
template <class T>
void feed_forward(const FeedForward<T>&, int n_threads);
template <class T>
void feed_forward_backward(const FeedForward<T>&, int n_threads);
template <class T>
void moments(const Moments<T>&, int n_threads);
template <class T>
void add_affine(const Affine<T>&, int n_threads);
template <class T>
void dropout(const Dropout<T>&, int n_threads);
template <class T>
void embedding(const Embedding<T>&, int n_threads);
template <class T>
void embedding_backward(const Embedding<T>&, int n_threads);

}  // namespace synfer
