#pragma once
#include <cstdint>

#include "common/level.hpp"
#include "simulator/wiring.hpp"

// Spike-timing-dependent plasticity, all pairs (S. Song, K. D. Miller, L. F. Abbott, Nature Neurosci. 3 (2000),
// 919-926; A. Morrison, M. Diesmann, W. Gerstner, Biol. Cybern. 98 (2008), 459-478). Traces r of sources and o of
// targets decay with tau_plus and tau_minus and grow by 1 at each spike of theirs; a spike of the source takes a_minus
// o off the weight, a spike of the target adds a_plus r, and then the weight is brought back between its bounds. Spikes
// of one step do not pair. Times are those at which the neurons fire, whatever the delay. Only weights that are not
// negative change: what is inhibitory stays so.

namespace synfer::SYNFER_LEVEL {

// A source has fired; edges [begin, end) are its own, to the targets with traces o[target - from].
template <class T>
void depress(const Stdp<T>& p, const std::uint32_t* targets, T* strengths, std::int64_t begin, std::int64_t end,
             const T* o, std::int64_t from) {
    for (std::int64_t edge = begin; edge < end; ++edge) {
        const T w = strengths[edge];
        if (w < T(0)) continue;
        const T changed = multiply_add(-p.a_minus, o[static_cast<std::int64_t>(targets[edge]) - from], w);
        strengths[edge] = changed < p.lowest ? p.lowest : changed;
    }
}

// A target has fired; places [begin, end) in the list by target are its own, from sources with traces r[source].
template <class T>
void potentiate(const Stdp<T>& p, T* strengths, std::int64_t begin, std::int64_t end, const T* r) {
    for (std::int64_t place = begin; place < end; ++place) {
        const std::int64_t edge = p.in_edges[place];
        const T w = strengths[edge];
        if (w < T(0)) continue;
        const T changed = multiply_add(p.a_plus, r[p.in_sources[place]], w);
        strengths[edge] = changed > p.highest ? p.highest : changed;
    }
}

}  // namespace synfer::SYNFER_LEVEL
