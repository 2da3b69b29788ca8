#pragma once
#include <cstdint>

// What is kept of a simulation. Plain data and no inline function, as in simulate.hpp.

namespace synfer {

inline constexpr int max_states = 8;

// Row r holds the states after (r + 1) `every` steps from step `from` on; steps before `from` leave no trace. A pointer
// that is null is a thing not asked for.
template <class T>
struct Recorded {
    std::int64_t from, every, n_rows;
    T* states[max_states];  // (network, row, unit) for each state
    std::uint8_t* spikes;   // (network, row, unit): how often since the row before the state was past the threshold
                            // after a step; every <= 255
    std::uint8_t* raster;   // (network, raster row, unit): 1 where the state after step raster_from + row was past the
                            // threshold
    std::int64_t raster_from, n_raster_rows;
    T* drive;  // (network, row, unit): what acted in the last step of the row
};

}  // namespace synfer
