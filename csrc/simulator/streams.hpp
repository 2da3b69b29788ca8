#pragma once
#include <cstdint>

// The random numbers of a simulation are Philox4x32-10 of the counter (network id, unit, block, stream): block b holds
// the numbers of the steps 4 b to 4 b + 3, counted from the beginning of the simulation, and each thing that draws has
// a stream of its own. Plain data, for every level and for Python (synfer.simulate.reference).

namespace synfer {

inline constexpr std::uint32_t drive_stream = 0;  // of the first term of the drive, the next for the next
inline constexpr std::uint32_t max_drive_terms = 64;
inline constexpr std::uint32_t model_stream = 64;  // noise of a model's own

}  // namespace synfer
