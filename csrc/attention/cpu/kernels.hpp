#pragma once
#include "attention/cpu/blocks.hpp"

// What forward.cpp and backward.cpp offer to the level's table.

namespace synfer::SYNFER_LEVEL {

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

}  // namespace synfer::SYNFER_LEVEL
