#pragma once
#include "ensemble/cpu/blocks.hpp"

// What linear.cpp, feed_forward.cpp, elementwise.cpp and embedding.cpp offer to the level's table; see ensemble.hpp.

namespace synfer::SYNFER_LEVEL {

template <class T>
std::size_t linear_bytes(const Linear<T>&);
template <class T>
std::int64_t linear_sums(const Linear<T>&);
template <class T>
void linear_forward(const Linear<T>&, const Segment&, void* workspace);
template <class T>
void linear_input(const Linear<T>&, const Segment&, void* workspace);
template <class T>
void linear_weights(const Linear<T>&, const Segment&, T* sums, void* workspace);
template <class T>
void linear_finish(const Linear<T>&, std::int64_t group, T* sums, std::int64_t n_segments);

template <class T>
std::size_t feed_forward_bytes(const FeedForward<T>&);
template <class T>
std::int64_t feed_forward_sums(const FeedForward<T>&);
template <class T>
void feed_forward(const FeedForward<T>&, const Segment&, void* workspace);
template <class T>
void feed_forward_backward(const FeedForward<T>&, const Segment&, T* sums, void* workspace);
template <class T>
void feed_forward_finish(const FeedForward<T>&, std::int64_t group, T* sums, std::int64_t n_segments);

template <class T>
std::size_t moments_bytes(const Moments<T>&);
template <class T>
void moments(const Moments<T>&, const Segment& channels, void* workspace);
template <class T>
void affine(const Affine<T>&, const Segment&);
template <class T>
std::size_t dropout_bytes(const Dropout<T>&);
template <class T>
void dropout(const Dropout<T>&, const Segment&, void* workspace);

template <class T>
std::size_t embedding_bytes(const Embedding<T>&);
template <class T>
void embedding(const Embedding<T>&, const Segment&, void* workspace);
template <class T>
void embedding_backward(const Embedding<T>&, std::int64_t group, void* workspace);

}  // namespace synfer::SYNFER_LEVEL
