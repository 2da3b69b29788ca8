#pragma once
#include <cstdint>

// Layers of an ensemble: G small networks ("groups") trained side by side, each with weights of its own. What each
// layer computes, and where its tensors lie; plain data, for the kernels are compiled once per instruction level.
//
// Activations are (group, token, channel).

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

}  // namespace synfer
