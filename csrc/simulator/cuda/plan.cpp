// How a batch is cut into blocks of threads.
#include <algorithm>

#include "simulator/cuda/launch.hpp"

namespace synfer::cuda {
namespace {

constexpr std::int64_t warp = 32;
constexpr std::int64_t reserved_per_block = 1024;  // bytes of shared memory that CUDA takes of each block's
constexpr std::int64_t bytes = sizeof(float);

// What a kernel whose threads simulate one unit each is built for.
struct Kind {
    Weights weights;
    bool spiking;
    std::int64_t most_threads, registers_per_thread;  // as launch bounds grant: a block fits into a processor's
};

Plan with(std::int64_t networks, std::int64_t n_networks, std::int64_t n_units, const Kind& kind) {
    const std::int64_t units = networks * n_units;
    const std::int64_t threads = (units + warp - 1) / warp * warp;
    const std::int64_t shown = kind.spiking ? mask_bytes(threads) : output_bytes<float>(networks, n_units);
    const std::int64_t weights = kind.weights == Weights::in_shared_memory ? units * n_units * bytes : 0;
    return {networks, threads, (n_networks + networks - 1) / networks, shown + weights, kind.weights, 1};
}

// Units at work on a processor, times the share of its threads that have one, and the less the fewer blocks there are:
// others work while the threads of one wait for its last.
double worth(const Plan& plan, std::int64_t n_units, const Kind& kind, const Limits& limits) {
    const std::int64_t blocks = std::min({limits.threads_per_processor / plan.threads, limits.blocks_per_processor,
                                          limits.registers_per_processor / (plan.threads * kind.registers_per_thread),
                                          limits.shared_per_processor / (plan.shared_bytes + reserved_per_block)});
    const double units = static_cast<double>(plan.networks_per_block * n_units);
    return (static_cast<double>(blocks) - 0.5) * units * units / static_cast<double>(plan.threads);
}

Plan best_of(std::int64_t n_networks, std::int64_t n_units, Kind kind, const Limits& limits) {
    // No processor idle while another has several blocks' worth.
    const std::int64_t share = (n_networks + limits.processors - 1) / limits.processors;
    const std::int64_t most = std::max<std::int64_t>(1, std::min(kind.most_threads / n_units, share));
    Plan best = with(1, n_networks, n_units, kind);
    if (best.shared_bytes > limits.shared_per_block) {
        kind.weights = Weights::in_global_memory;
        best = with(1, n_networks, n_units, kind);
    }
    for (std::int64_t networks = 2; networks <= most; ++networks) {
        const Plan plan = with(networks, n_networks, n_units, kind);
        if (plan.shared_bytes <= limits.shared_per_block &&
            worth(plan, n_units, kind, limits) > worth(best, n_units, kind, limits))
            best = plan;
    }
    return best;
}

}  // namespace

Plan plan_spiking(std::int64_t n_networks, std::int64_t n_units, const Limits& limits) {
    return best_of(n_networks, n_units, {Weights::in_shared_memory, true, most_units, 64}, limits);
}

Plan plan_rates(std::int64_t n_networks, std::int64_t n_units, const Limits& limits) {
    const Kind few = {Weights::in_registers, false, most_units / 2, 128};
    const Kind many = {Weights::in_shared_memory, false, most_units, 64};
    return best_of(n_networks, n_units, n_units <= most_in_registers ? few : many, limits);
}

Plan plan_quads(std::int64_t n_networks, std::int64_t n_units, const Limits& limits) {
    const std::int64_t lanes = (n_units + 3) / 4, networks = lanes > warp ? 0 : std::min(warp / lanes, n_networks);
    if (networks == 0) return {};
    const std::int64_t shown = 2 * networks * spike_bytes(static_cast<int>(lanes));
    const std::int64_t shared = shown + networks * n_units * lanes * 4 * bytes;
    if (shared > limits.shared_per_block) return {};
    return {networks, warp, (n_networks + networks - 1) / networks, shared, Weights::in_shared_memory, 4};
}

bool prefers_quads(const Plan& quads, std::int64_t n_units, const Limits& limits) {
    constexpr std::int64_t schedulers = 4;  // of a processor
    return n_units > 1 && quads.blocks >= schedulers * limits.processors &&
           limits.shared_per_processor / (quads.shared_bytes + reserved_per_block) > schedulers;
}

}  // namespace synfer::cuda
