#pragma once
#include <cstddef>
#include <cstdint>

#include "simulator/recorded.hpp"

// Simulation on a CUDA device: what a launch is told and how it is cut into blocks. Plain data, read by kernels and
// host alike. All pointers are to the device's memory; who calls has made it (kernels allocate nothing, and nothing
// here waits for the device). One thread simulates one unit (spiking.hpp, rate.hpp) or four (quads.hpp), a block some
// whole networks, which share nothing with those of other blocks: so a network may have as many units as a block has
// threads.

namespace synfer::cuda {

constexpr std::int64_t most_units = 1024;
constexpr int most_in_registers = 64;  // sources whose weights a thread holds in registers

// Numbers of (network, row, unit); a stride is 0 along an axis of which all are equal.
template <class T>
struct Numbers {
    const T* values;
    std::int64_t network, row, unit;  // strides
};

// mean + deviation z in each step, by the numbers of stream drive_stream, as on the CPU.
template <class T>
struct NormalDrive {
    bool acts, draws;       // whether there is any, and whether a deviation is not 0
    Numbers<T> parameters;  // mean, deviation
    std::uint64_t seed;
    const std::uint32_t* ids;  // (network)
};

template <class T>
struct Launch {
    std::int64_t n_networks;
    int n_units, networks_per_block;
    std::int64_t begin, end;  // steps to take now, as in simulate.hpp
    T dt;                     // ms of spiking models, s of others
    const T* weights;         // (network, source, target): by source, so that the threads of targets read neighbours
    Numbers<T> parameters;    // (network, coefficient or parameter, unit)
    T* state;                 // (network, state, unit)
    NormalDrive<T> drive;
    Recorded<T> recorded;  // no raster
    // (network): (step - begin) n_units + unit of the first state that was not finite, where that is less than it was
    unsigned long long* diverged;
};

// Delta or exponential synapses of one delay: one receptor or two, as in wiring.hpp.
template <class T>
struct SpikingLaunch : Launch<T> {
    bool fresh;          // the spikes that the state shows are about to be sent
    bool exponential;    // rather than delta
    std::int64_t delay;  // steps
    T decay[2];          // of the currents of exponential synapses in a step
    Numbers<T> factors;  // (network, receptor, unit): how such a current acts on what integrates it
    T* received;         // (network, receptor, unit): what acts in the next step
    // (network, slot, receptor, unit), what arrives before step k in slot k mod delay; null: delay 1
    T* pending;
};

template <class T>
struct RateLaunch : Launch<T> {
    bool noisy;  // a unit has noise
};

// What a device offers.
struct Limits {
    std::int64_t processors, threads_per_processor, blocks_per_processor, registers_per_processor;
    std::int64_t shared_per_block, shared_per_processor;  // bytes
};

// Where a kernel has the weights while it runs.
enum class Weights { in_global_memory, in_shared_memory, in_registers };

struct Plan {
    std::int64_t networks_per_block, threads, blocks, shared_bytes;
    Weights weights;
    int units_per_thread;  // 1 or 4
};

// How to cut a batch: as many units at work on each processor as it can hold, in as few idle threads as may be, weights
// in shared memory if those of one network fit (in registers those of few units without spikes).
Plan plan_spiking(std::int64_t n_networks, std::int64_t n_units, const Limits&);
Plan plan_rates(std::int64_t n_networks, std::int64_t n_units, const Limits&);
// The same of spiking networks for a warp whose threads simulate four units each; networks_per_block is 0 where a
// network does not fit.
Plan plan_quads(std::int64_t n_networks, std::int64_t n_units, const Limits&);
// Whether that is the quicker: where there are networks enough for every processor to have warps to choose from.
bool prefers_quads(const Plan& quads, std::int64_t n_units, const Limits&);

// Shared memory for the spikes of a step and of the one before, a bit a thread, before the weights.
constexpr std::int64_t mask_bytes(std::int64_t threads) { return (threads / 32 * 2 * 4 + 15) / 16 * 16; }
// Shared memory for the spikes of a network whose units are those of so many threads, a byte each.
constexpr int spike_bytes(int threads) { return (threads + 15) / 16 * 16; }
// Shared memory for what units show each other, a step and the one before, each network's from a multiple of four on.
template <class T>
constexpr std::int64_t output_bytes(std::int64_t networks, std::int64_t n_units) {
    return 2 * networks * ((n_units + 3) / 4 * 4) * static_cast<std::int64_t>(sizeof(T));
}

// ---- kernels.cu, where there is a CUDA compiler

// Names of the models that have a kernel, then null.
extern const char* const spiking_models[];
extern const char* const rate_models[];
Limits limits_of(int device);
int n_parameters(const char* model);  // of a spiking one
int n_coefficients(const char* model);
// (network, coefficient, unit) from (network, parameter, unit), both on the host.
void prepare_coefficients(const char* model, const float* parameters, std::int64_t n_networks, std::int64_t n_units,
                          double dt, float* coefficients);
// (network, receptor, unit) of exponential synapses with time constants tau (ms), likewise.
void prepare_factors(const char* model, const float* parameters, std::int64_t n_networks, std::int64_t n_units,
                     double dt, const double* tau, float* factors);
// Null, or what CUDA says was wrong.
const char* launch_spiking(const char* model, const SpikingLaunch<float>&, const Plan&, int device, void* stream);
const char* launch_rates(const char* model, const RateLaunch<float>&, const Plan&, int device, void* stream);

}  // namespace synfer::cuda
