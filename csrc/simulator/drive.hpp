#pragma once
#include <cstdint>

// What drives the units from outside: a sum of terms, each generated step by step inside the kernels (cpu/drive.hpp) or
// replayed. Plain data and no inline function, as in simulate.hpp.

namespace synfer {

// In each step k, term number m gives unit i, with z standard normal numbers of stream drive_stream + m:
enum class DriveKind : std::int32_t {
    replayed,                   // what the array says
    gaussian,                   // mean + deviation z
    ornstein_uhlenbeck,         // mean + deviation y,  y(0) = z(0),  y(k) = decay y(k - 1) + kick z(k)
    poisson,                    // weight x the number of thresholds that a word of the stream exceeds
    step,                       // amplitude where start <= k < stop
    sine,                       // mean + amplitude sin(2 pi (turns k + phase))
    shared_gaussian,            // strength z,  with one z for all units of a network
    shared_ornstein_uhlenbeck,  // strength y,  likewise one y; the first unit's decay and kick
};

inline constexpr int n_drive_kinds = 8;
inline constexpr const char* drive_names[n_drive_kinds] = {
    "replayed", "gaussian", "ornstein_uhlenbeck", "poisson",
    "step",     "sine",     "shared_gaussian",    "shared_ornstein_uhlenbeck"};
inline constexpr int n_drive_parameters[n_drive_kinds] = {0, 2, 4, 1, 3, 4, 1, 3};
// Unit number that keys what the units of a network share.
inline constexpr std::uint32_t shared_unit = 0xffffffffu;

template <class T>
struct DriveTerm {
    DriveKind kind;
    const double* parameters;  // (network, parameter, unit), in the order above
    T* state;                  // (network, unit), or (network) of what is shared: y after the last step taken
    // (network, threshold, unit), or (threshold) of units that all have one rate: 2^32 P(count <= c) - 1 for c = 0, 1,
    // ..., so that the number of them that a word exceeds is a Poisson number, its distribution right to 2^-32.
    const std::uint32_t* thresholds;
    std::int64_t n_thresholds;
    bool one_rate;
    const T* replayed;             // (time, unit) of the first network, from step Drive::replayed_from on
    std::int64_t replayed_stride;  // from one network's to the next one's; 0 if they share it
    bool alone;                    // what it gives is asked for by itself (recorded.hpp)
};

template <class T>
struct Drive {
    const DriveTerm<T>* terms;
    int n_terms;  // at most max_drive_terms; none: no drive
    std::int64_t replayed_from;
    std::uint64_t seed;
    const std::uint32_t* ids;  // (network)
};

}  // namespace synfer
