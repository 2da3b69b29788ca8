#pragma once
#include "common/vector.hpp"
#include "simulator/cpu/layout.hpp"
#include "simulator/simulate.hpp"

// The spikes of one part of a network, for all of the team to read: lists of sources, a list a step.

namespace synfer::SYNFER_LEVEL {

// One bit for each of 64 marks, which are 0 or 1.
SYNFER_DEVICE std::uint64_t spikes_of(const std::uint8_t* marks) {
#if SYNFER_VECTOR_BYTES == 64
    const __m512i all = _mm512_loadu_si512(marks);
    return _mm512_test_epi8_mask(all, all);
#else
    // Eight bytes of 0 or 1 times this have their bits, the first lowest, in the uppermost byte.
    constexpr std::uint64_t gathering = 0x0102040810204080;
    std::uint64_t bits = 0;
    for (int i = 0; i < 64; i += 8) {
        std::uint64_t eight = 0;
        for (int b = 7; b >= 0; --b) eight = eight << 8 | marks[i + b];
        bits |= (eight * gathering >> 56) << i;
    }
    return bits;
#endif
}

// The spikes of one step.
template <class T>
struct SpikeList {
    std::uint32_t* sources;  // network here * n_units + unit, rising
    T* scales;               // likewise, what multiplies the weights; null: 1
    std::int64_t* count;
};

// There are two sets of lists, used in turn. A thread fills one while others may still read the other; it comes back to
// it after the next wait, which all reach once they have read. So one wait an interval is enough.
template <class T>
struct SpikeBox {
    std::int64_t capacity, n_steps;  // of a list; lists in a set
    std::uint32_t* sources;          // (set, step, place)
    T* scales;                       // likewise, or null
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

    SpikeList<T> list(int set, std::int64_t step) const {
        const std::int64_t number = set * n_steps + step, first = number * capacity;
        return {sources + first, scales == nullptr ? nullptr : scales + first, counts + number};
    }
};

}  // namespace synfer::SYNFER_LEVEL
