#pragma once
#include "simulator/cpu/layout.hpp"
#include "simulator/simulate.hpp"

// The spikes of one part of a network, for all of the team to read: lists of sources, a list a step.

namespace synfer::SYNFER_LEVEL {

// There are two sets of lists, used in turn. A thread fills one while others may still read the other; it comes back to
// it after the next wait, which all reach once they have read. So one wait an interval is enough.
template <class T>
struct SpikeBox {
    std::int64_t capacity, n_steps;  // of a list; lists in a set
    std::uint32_t* sources;          // (set, step, place): network here * n_units + unit, rising
    T* scales;                       // likewise, what multiplies the weights; null: 1
    std::int64_t* counts;            // (set, step)
    Divergence met[2];

    SpikeBox(std::int64_t elements, std::int64_t steps, bool scaled, Workspace& workspace)
        : capacity(elements), n_steps(steps) {
        sources = workspace.take<std::uint32_t>(2 * steps * elements);
        scales = scaled ? workspace.take<T>(2 * steps * elements) : nullptr;
        counts = workspace.take<std::int64_t>(2 * steps);
        met[0] = met[1] = {-1, 0, 0};
    }

    void clear(int set) {
        for (std::int64_t i = 0; i < n_steps; ++i) counts[set * n_steps + i] = 0;
        met[set] = {-1, 0, 0};
    }

    void add(int set, std::int64_t step, std::uint32_t source, T scale) {
        const std::int64_t list = set * n_steps + step, place = list * capacity + counts[list]++;
        sources[place] = source;
        if (scales != nullptr) scales[place] = scale;
    }
};

}  // namespace synfer::SYNFER_LEVEL
