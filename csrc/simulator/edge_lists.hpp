#pragma once
#include <cstdint>

// Lists of edges as the kernels take them: by source, and of each source by target.

namespace synfer {

template <class T>
struct EdgeLists {
    std::int64_t* starts;    // (unit + 1): where the edges of each source begin
    std::uint32_t* targets;  // (edge)
    T* strengths;            // (edge)
    std::int64_t* places;    // (edge): where it stood in what was given; null: not asked for
};

// source and target (n_edges) in [0, n_units), in any order. Throws std::bad_alloc.
template <class T>
void sort_edges(const std::int64_t* source, const std::int64_t* target, const T* strength, std::int64_t n_edges,
                std::int64_t n_units, const EdgeLists<T>& lists);

}  // namespace synfer
