#pragma once
#include <cstddef>
#include <cstdint>

#include "simulator/drive.hpp"
#include "simulator/recorded.hpp"
#include "simulator/wiring.hpp"

// Simulation of a batch of networks of one model: signatures only. The kernels behind them are compiled once per
// instruction level (cpu/kernels.cpp), so this header holds plain data and no inline function.

namespace synfer {

enum class Range : std::int32_t { any, not_negative, positive };

// A parameter or a state of a model: its name, default value and unit, and what values a parameter may have.
struct Described {
    const char* name;
    double value;
    const char* unit;
    Range range = Range::any;
};

// Times are counted in steps from the beginning of the simulation, whatever part of it is simulated here: step k takes
// the state from k dt to (k + 1) dt. Axes lie in C order; a pointer that is null is a thing not given or not asked for.
template <class T>
struct Simulation {
    std::int64_t n_networks, n_units;
    std::int64_t begin, end;  // steps to take now, 0 <= begin < end
    T dt;                     // ms

    const T* parameters;  // (network, parameter, unit), in the model's order
    T* state;             // (network, state, unit), before step `begin`; left as it is after step end - 1
    Wiring<T> wiring;
    Drive<T> drive;
    const Recorded<T>* recorded;  // each of its own steps and units
    int n_recorded;
};

// The first step after which a state was not finite. network < 0: there was none.
struct Divergence {
    std::int64_t network, unit, step;
};

template <class T>
struct Kernels {
    // Bytes that each thread of n_parts needs to simulate `count` networks together, aligned to 64.
    std::size_t (*workspace_bytes)(const Simulation<T>&, std::int64_t count, int n_parts);
    // One thread's part of networks [first, first + count); what it gives holds for all of the team.
    Divergence (*simulate)(const Simulation<T>&, std::int64_t first, std::int64_t count, const Team&, void* workspace);
    // (network, state, unit) at rest, from the parameters.
    void (*initialise)(const Simulation<T>&);
};

struct Model {
    const char* name;
    const Described* parameters;
    int n_parameters;
    const Described* states;
    int n_states;
    const char* input_unit;
    bool jumps;  // has a potential v that synapses can move at once
    Kernels<float> single;
    Kernels<double> full;
};

// What one instruction level offers: its models, and its random numbers for whoever wants to look at them.
struct SimulatorLevel {
    const Model* models;
    int n_models;
    // count standard normal numbers of (network id, unit) at steps 0, 1, 2, ...
    void (*gaussian_single)(std::uint64_t seed, std::uint32_t id, std::uint32_t unit, std::int64_t count, float* out);
    void (*gaussian_full)(std::uint64_t seed, std::uint32_t id, std::uint32_t unit, std::int64_t count, double* out);
    // out (n, 4) = Philox4x32-10 of counters (n, 4) under key (2)
    void (*philox)(const std::uint32_t* counters, const std::uint32_t* key, std::int64_t n, std::uint32_t* out);
};

namespace baseline {
extern const SimulatorLevel simulator;
}
#ifdef SYNFER_X86_LEVELS
namespace avx2 {
extern const SimulatorLevel simulator;
}
namespace avx512 {
extern const SimulatorLevel simulator;
}
#endif

// The models at the instruction level in force.
const SimulatorLevel& simulator_level();

// How many threads there may be. They share the networks; where these are fewer than threads, the threads share the
// units of each network, at least units_per_thread to each.
struct Threads {
    int n_threads;
    std::int64_t units_per_thread;
};

// All networks. Gives the first divergence by step, then network, then unit; what is recorded of networks simulated
// together ends there.
template <class T>
Divergence simulate(const Kernels<T>&, const Simulation<T>&, const Threads&);

}  // namespace synfer
