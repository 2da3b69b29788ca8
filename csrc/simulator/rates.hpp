#pragma once
#include <cstddef>
#include <cstdint>

#include "simulator/drive.hpp"
#include "simulator/recorded.hpp"
#include "simulator/simulate.hpp"

// Simulation of networks of units without spikes, whose states act on one another all the time: rate models, maps,
// vector autoregressions, Lorenz-96. Signatures only; the kernels behind them are compiled once per instruction level
// (cpu/rate.cpp, cpu/lorenz96.cpp), so this header holds plain data and no inline function.

namespace synfer {

inline constexpr int max_lags = 64;

// As Simulation is, with couplings over one lag or several.
template <class T>
struct RateSimulation {
    std::int64_t n_networks, n_units, n_lags;
    std::int64_t begin, end;  // steps to take now, 0 <= begin < end
    T dt;                     // s

    const T* parameters;  // (network, parameter, unit), in the model's order
    T* state;             // (network, lag, unit): the state before step `begin` and those of the steps before it

    // What unit j did l steps before acts on unit i by weights[l, i, j] (network, lag, target, source). Where that is
    // null there is one lag, and of row i of network k the entries from row_starts[k, i] to row_starts[k, i + 1] of
    // sources and values (row_starts is (network, unit + 1), over all networks).
    const T* weights;
    const std::int64_t* row_starts;
    const std::int32_t* sources;
    const T* values;

    Drive<T> drive;
    const Recorded<T>* recorded;  // each of its own steps and units
    int n_recorded;
};

// What the threads that simulate one network do once a step: wait for each other.
struct Barrier {
    void (*wait)(void*);  // null where there is one thread
    void* team;
};

// Units [from, to) of networks [first, first + count), by one of the threads; all units where there are several
// networks.
struct RateShare {
    std::int64_t first, count, from, to;
};

template <class T>
struct RateKernels {
    // Bytes for the networks of a share, the same memory for all threads that simulate them, and for each thread.
    std::size_t (*common_bytes)(const RateSimulation<T>&, const RateShare&);
    std::size_t (*own_bytes)(const RateSimulation<T>&, const RateShare&);
    // Gives the first divergence in the share.
    Divergence (*simulate)(const RateSimulation<T>&, const RateShare&, void* common, void* own, Barrier);
};

struct RateModel {
    const char* name;
    const Described* parameters;
    int n_parameters;
    const Described* states;  // one: that of lag 0
    bool coupled;             // by weights: threads may share the units of a network, and several lie side by side
    bool lagged;              // may have several lags
    RateKernels<float> single;
    RateKernels<double> full;
};

struct RateLevel {
    const RateModel* models;
    int n_models;
};

namespace baseline {
extern const RateLevel rates;
extern const RateModel lorenz96;
}  // namespace baseline
#ifdef SYNFER_X86_LEVELS
namespace avx2 {
extern const RateLevel rates;
extern const RateModel lorenz96;
}  // namespace avx2
namespace avx512 {
extern const RateLevel rates;
extern const RateModel lorenz96;
}  // namespace avx512
#endif

// The models at the instruction level in force; null where there is none of that name.
const RateModel* rate_model_named(const char* name);
int n_rate_models();
const RateModel& rate_model(int i);

// All networks, shared out among `n_threads` threads. Gives the first divergence by step, then network, then unit.
template <class T>
Divergence simulate_rates(const RateModel&, const RateSimulation<T>&, int n_threads);

}  // namespace synfer
