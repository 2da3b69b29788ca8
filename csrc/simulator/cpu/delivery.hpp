#pragma once
#include "simulator/cpu/layout.hpp"
#include "simulator/simulate.hpp"

// Brings spikes to their targets by lists of edges (for all pairs: columns.hpp). What arrives at one target is added
// spike after spike, in the order of steps and, in a step, of sources: so that neither layout nor the number of threads
// changes a bit.

namespace synfer::SYNFER_LEVEL {

// Rows that take what arrives: (receptor, element), for delays counted from a step on.
template <class T>
struct Arrivals {
    T* rows;                    // (slot, receptor, element); one slot where the longest delay is 1
    T* next;                    // (receptor, element): the states themselves, for what acts in the next step
    std::int64_t slots, width;  // width of a row
    int n_receptors;

    // The rows that a spike of step k reaches after `delay`.
    T* at(std::int64_t k, std::int64_t delay) const { return rows + (k + delay) % slots * n_receptors * width; }
};

// A source's edges to the units here: [begin, end) of the list.
struct EdgeSpan {
    std::int64_t begin, end;
};

// A list of edges.
template <class T>
struct Lists {
    const Wiring<T>& wiring;
    const Elements& at;
    EdgeSpan* spans;  // (network, source)
    bool magnitude;

    Lists(const Wiring<T>& w, const Elements& elements, bool listed, Workspace& workspace)
        : wiring(w), at(elements), magnitude(w.synapse.kind == SynapseKind::conductance) {
        spans = workspace.take<EdgeSpan>(listed ? at.count * at.n_units : 0);
    }

    // A source's edges are sorted by target: those to the units here lie together.
    std::int64_t first_to(std::int64_t target, std::int64_t begin, std::int64_t end) const {
        while (begin < end) {
            const std::int64_t middle = begin + (end - begin) / 2;
            if (static_cast<std::int64_t>(wiring.targets[middle]) < target) {
                begin = middle + 1;
            } else {
                end = middle;
            }
        }
        return begin;
    }

    void load() const {
        const bool all = at.n == at.n_units;
        for (std::int64_t j = 0; j < at.count * at.n_units; ++j) {
            const std::int64_t* start = wiring.starts + at.first * at.n_units + j;
            spans[j].begin = all ? start[0] : first_to(at.from, start[0], start[1]);
            spans[j].end = all ? start[1] : first_to(at.from + at.n, spans[j].begin, start[1]);
        }
    }

    void prefetch_span(std::int64_t j) const { __builtin_prefetch(spans + j); }

    // Enough for the processor to go on by itself in longer lists.
    void prefetch_edges(std::int64_t j) const {
        constexpr std::int64_t most = 256, line = 16;
        const std::int64_t begin = spans[j].begin, end = spans[j].end < begin + most ? spans[j].end : begin + most;
        for (std::int64_t edge = begin; edge < end; edge += line) __builtin_prefetch(wiring.targets + edge);
        for (std::int64_t edge = begin; edge < end; edge += 64 / static_cast<std::int64_t>(sizeof(T)))
            __builtin_prefetch(wiring.strengths + edge);
        if (wiring.delays == nullptr) return;
        for (std::int64_t edge = begin; edge < end; edge += 2 * line) __builtin_prefetch(wiring.delays + edge);
    }

    template <bool two_receptors, bool delayed>
    void add(std::int64_t begin, std::int64_t end, std::int64_t offset, T scale, std::int64_t k, const Arrivals<T>& to,
             T* rows) const {
        const std::uint32_t* targets = wiring.targets;
        const T* strengths = wiring.strengths;
        const T sign = magnitude ? T(-1) : T(1);
        const std::int64_t now = delayed ? k % to.slots : 0, slot = to.n_receptors * to.width;
        for (std::int64_t edge = begin; edge < end; ++edge) {
            T w = strengths[edge];
            T* row = rows;
            if constexpr (delayed) {
                // Past the slots where it need not wait, as where no delay is longer: else sums would round elsewhere
                // in a network alone than beside one of longer delays.
                const std::int64_t delay = wiring.delays[edge], later = now + delay;
                row = delay == 1 ? to.next : rows + (later >= to.slots ? later - to.slots : later) * slot;
            }
            row += static_cast<std::int64_t>(targets[edge]) + offset;
            if constexpr (two_receptors) {
                row += w < T(0) ? to.width : 0;
                w = w < T(0) ? sign * w : w;
            }
            *row = multiply_add(scale, w, *row);
        }
    }

    // A spike of the source at step k; rows: where it arrives, if there is one delay for all
    void deliver(std::int64_t j, std::int64_t g, T scale, std::int64_t k, const Arrivals<T>& to, T* rows) const {
        const std::int64_t offset = g * at.n - at.from;
        const bool two = to.n_receptors == 2;
        if (wiring.delays != nullptr) {
            two ? add<true, true>(spans[j].begin, spans[j].end, offset, scale, k, to, to.rows)
                : add<false, true>(spans[j].begin, spans[j].end, offset, scale, k, to, to.rows);
        } else {
            two ? add<true, false>(spans[j].begin, spans[j].end, offset, scale, k, to, rows)
                : add<false, false>(spans[j].begin, spans[j].end, offset, scale, k, to, rows);
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
