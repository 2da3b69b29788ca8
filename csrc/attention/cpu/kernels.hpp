#pragma once
#include "attention/cpu/blocks.hpp"

// What forward.cpp, backward.cpp and few_rows.cpp offer to the level's table, and what both forward passes keep to.

namespace synfer::SYNFER_LEVEL {

// Heads added to a slice of the map before their sum is put by: a sum of thousands, one after the other, would lose
// more digits than torch's mean does.
constexpr std::int64_t heads_added = 16;
template <class T>
SYNFER_DEVICE bool many_heads(const Attention<T>& a) {
    return (a.map_over_batch ? a.n_batch : 1) * (a.map_over_heads ? a.n_heads : 1) > heads_added;
}

template <class T>
std::int64_t forward_groups(const Attention<T>&);
template <class T>
std::size_t forward_bytes(const Attention<T>&, std::int64_t n_slices);
template <class T>
void forward(const Attention<T>&, const AttentionShare&, T* map, void* workspace);

template <class T>
std::size_t backward_bytes(const Attention<T>&);
template <class T>
void backward(const Attention<T>&, const AttentionShare&, T* dbias, void* workspace);

// Of heads with few rows, whose rows are one group.
template <class T>
bool has_few_rows(const Attention<T>&);
template <class T>
std::size_t few_forward_bytes(const Attention<T>&, std::int64_t n_slices);
template <class T>
void few_forward(const Attention<T>&, const AttentionShare&, T* map, void* workspace);
template <class T>
std::size_t few_backward_bytes(const Attention<T>&);
template <class T>
void few_backward(const Attention<T>&, const AttentionShare&, T* dbias, void* workspace);

}  // namespace synfer::SYNFER_LEVEL
