#include "simulator/edge_lists.hpp"

#include <algorithm>
#include <vector>

#include "common/buffer_pool.hpp"

namespace synfer {
namespace {

// Of the pool: fresh memory takes longer to touch than the edges to sort. Left as it comes.
template <class E>
class PoolMemory {
  public:
    explicit PoolMemory(std::int64_t n)
        : at_(static_cast<E*>(BufferPool::shared().take(static_cast<std::size_t>(n) * sizeof(E)))) {}
    ~PoolMemory() { BufferPool::shared().give_back(at_); }
    PoolMemory(const PoolMemory&) = delete;
    PoolMemory& operator=(const PoolMemory&) = delete;
    E& operator[](std::int64_t i) const { return at_[i]; }

  private:
    E* at_;
};

template <class T>
struct Edge {
    std::uint32_t source, target;
    T strength;
};
template <class T>
struct PlacedEdge : Edge<T> {
    std::int64_t place;
};

// Two passes that keep the order of what they move: into buckets of neighbouring sources, few enough for all their ends
// to stay in the cache, then each bucket into the lists, while that part of the lists is in the cache. One pass over
// 100,000 sources misses it with every edge.
template <class T, class E>
void sort_into(const std::int64_t* source, const std::int64_t* target, const T* strength, std::int64_t n_edges,
               std::int64_t n_units, const EdgeLists<T>& lists) {
    constexpr bool placed = sizeof(E) > sizeof(Edge<T>);
    constexpr std::int64_t most_buckets = 512;
    int shift = 0;
    while ((n_units - 1) >> shift >= most_buckets) ++shift;
    const std::int64_t n_buckets = n_units == 0 ? 0 : ((n_units - 1) >> shift) + 1;

    std::fill(lists.starts, lists.starts + n_units + 1, 0);
    for (std::int64_t i = 0; i < n_edges; ++i) ++lists.starts[source[i] + 1];
    for (std::int64_t j = 0; j < n_units; ++j) lists.starts[j + 1] += lists.starts[j];

    std::vector<std::int64_t> end(static_cast<std::size_t>(n_buckets));
    for (std::int64_t b = 0; b < n_buckets; ++b) end[b] = lists.starts[b << shift];
    const PoolMemory<E> edges(n_edges);
    for (std::int64_t i = 0; i < n_edges; ++i) {
        E& edge = edges[end[source[i] >> shift]++];
        edge.source = static_cast<std::uint32_t>(source[i]);
        edge.target = static_cast<std::uint32_t>(target[i]);
        edge.strength = strength[i];
        if constexpr (placed) edge.place = i;
    }

    const auto put = [&](std::int64_t at, const E& edge) {
        lists.targets[at] = edge.target;
        lists.strengths[at] = edge.strength;
        if constexpr (placed) lists.places[at] = edge.place;
    };
    std::vector<std::int64_t> next(static_cast<std::size_t>(n_units));
    std::copy(lists.starts, lists.starts + n_units, next.begin());
    for (std::int64_t i = 0; i < n_edges; ++i) put(next[edges[i].source]++, edges[i]);

    // Where the edges were given by target, as most are, nothing is left to do.
    std::vector<E> some;
    for (std::int64_t j = 0; j < n_units; ++j) {
        const std::int64_t begin = lists.starts[j], last = lists.starts[j + 1];
        if (std::is_sorted(lists.targets + begin, lists.targets + last)) continue;
        some.clear();
        for (std::int64_t at = begin; at < last; ++at) {
            E edge{};
            edge.target = lists.targets[at];
            edge.strength = lists.strengths[at];
            if constexpr (placed) edge.place = lists.places[at];
            some.push_back(edge);
        }
        std::stable_sort(some.begin(), some.end(), [](const E& a, const E& b) { return a.target < b.target; });
        for (std::int64_t at = begin; at < last; ++at) put(at, some[static_cast<std::size_t>(at - begin)]);
    }
}

}  // namespace

template <class T>
void sort_edges(const std::int64_t* source, const std::int64_t* target, const T* strength, std::int64_t n_edges,
                std::int64_t n_units, const EdgeLists<T>& lists) {
    if (lists.places == nullptr) {
        sort_into<T, Edge<T>>(source, target, strength, n_edges, n_units, lists);
    } else {
        sort_into<T, PlacedEdge<T>>(source, target, strength, n_edges, n_units, lists);
    }
}

template void sort_edges(const std::int64_t*, const std::int64_t*, const float*, std::int64_t, std::int64_t,
                         const EdgeLists<float>&);
template void sort_edges(const std::int64_t*, const std::int64_t*, const double*, std::int64_t, std::int64_t,
                         const EdgeLists<double>&);

}  // namespace synfer
