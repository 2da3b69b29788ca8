#pragma once
#include <cstdint>

// What is kept of a simulation. Plain data and no inline function, as in simulate.hpp.

namespace synfer {

inline constexpr int max_states = 8;

// Takes spikes one by one: those of a step of the networks `first`, first + 1, ..., which have n_units each. A source
// is network here * n_units + unit; they rise. Spikes of one network come in the order of steps and from one thread;
// those of different networks perhaps from several at once.
struct EventSink {
    void (*take)(void* sink, std::int64_t first, std::int64_t step, const std::uint32_t* sources, std::int64_t count);
    void* sink;
};

// Row r holds the states after (r + 1) `every` steps from step `from` on; steps before `from` leave no trace. A pointer
// that is null is a thing not asked for.
template <class T>
struct Recorded {
    std::int64_t from, every, n_rows;
    T* states[max_states];  // (network, row, unit) for each state
    std::uint8_t* spikes;   // (network, row, unit): how often since the row before the state was past the threshold
                            // after a step; every <= 255
    std::uint8_t* counted;  // (network, unit) of all units: those of a row that is not full, from one call to the next
    T* drive;               // (network, row, unit): what acted in the last step of the row
    T* const* terms;        // (term of the drive): likewise, what it gave by itself, each null where not asked for
    // The units recorded, rising, by whose place in this list the arrays above are indexed; null: all.
    const std::int64_t* units;
    std::int64_t n_units;
    EventSink events;  // of all units, of the steps of all rows; take null: not asked for
};

}  // namespace synfer
