#pragma once
#include <cstddef>
#include <cstdint>

#include "ensemble/layers.hpp"

// The layers' signatures, and the table of kernels that each instruction level offers (cpu/level.cpp).
//
// Results are the same bits for any number of threads: a group's tokens are cut into segments by their number alone,
// and what is summed over segments is summed in their order.

namespace synfer {

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
    // Of the channels [begin, end).
    void (*moments)(const Moments<T>&, const Segment&, void* workspace);
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
