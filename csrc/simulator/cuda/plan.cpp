// How a batch is cut into blocks of threads.
#include <algorithm>

#include "simulator/cuda/launch.hpp"

namespace synfer::cuda {
namespace {

constexpr std::int64_t warp = 32;
// What the kernels' launch bounds grant: with it, a block of 1024 threads fits into the registers of a processor.
constexpr std::int64_t registers_per_thread = 64;
constexpr std::int64_t reserved_per_block = 1024;  // bytes of shared memory that CUDA takes of each block's

Plan with(std::int64_t networks_per_block, std::int64_t n_networks, std::int64_t n_units, std::int64_t bytes_per_unit,
          bool shared_weights) {
    const std::int64_t units = networks_per_block * n_units;
    const std::int64_t threads = (units + warp - 1) / warp * warp;
    const std::int64_t weights = shared_weights ? units * n_units * static_cast<std::int64_t>(sizeof(float)) : 0;
    return {networks_per_block,
            threads,
            (n_networks + networks_per_block - 1) / networks_per_block,
            mask_bytes(threads) + bytes_per_unit * threads + weights,
            shared_weights,
            1};
}

// Units at work on a processor, times the share of its threads that have one, and the less the fewer blocks there are:
// others work while the threads of one wait for its last.
double worth(const Plan& plan, std::int64_t n_units, const Limits& limits) {
    const std::int64_t blocks = std::min({limits.threads_per_processor / plan.threads, limits.blocks_per_processor,
                                          limits.registers_per_processor / (plan.threads * registers_per_thread),
                                          limits.shared_per_processor / (plan.shared_bytes + reserved_per_block)});
    const double units = static_cast<double>(plan.networks_per_block * n_units);
    return (static_cast<double>(blocks) - 0.5) * units * units / static_cast<double>(plan.threads);
}

}  // namespace

Plan plan_launch(std::int64_t n_networks, std::int64_t n_units, std::int64_t bytes_per_unit, const Limits& limits) {
    // No processor idle while another has several blocks' worth.
    const std::int64_t share = (n_networks + limits.processors - 1) / limits.processors;
    const std::int64_t most = std::max<std::int64_t>(1, std::min(most_units / n_units, share));
    Plan best = with(1, n_networks, n_units, bytes_per_unit, true);
    const bool fits = best.shared_bytes <= limits.shared_per_block;
    if (!fits) best = with(1, n_networks, n_units, bytes_per_unit, false);
    for (std::int64_t networks = 2; networks <= most; ++networks) {
        const Plan plan = with(networks, n_networks, n_units, bytes_per_unit, fits);
        if (plan.shared_bytes <= limits.shared_per_block && worth(plan, n_units, limits) > worth(best, n_units, limits))
            best = plan;
    }
    return best;
}

Plan plan_quads(std::int64_t n_networks, std::int64_t n_units, const Limits& limits) {
    const std::int64_t lanes = (n_units + 3) / 4, networks = lanes > warp ? 0 : std::min(warp / lanes, n_networks);
    if (networks == 0) return {};
    const std::int64_t weights = networks * n_units * lanes * 4 * static_cast<std::int64_t>(sizeof(float));
    const std::int64_t bytes = 2 * networks * spike_bytes(static_cast<int>(lanes)) + weights;
    if (bytes > limits.shared_per_block) return {};
    return {networks, warp, (n_networks + networks - 1) / networks, bytes, true, 4};
}

bool prefers_quads(const Plan& quads, std::int64_t n_units, const Limits& limits) {
    constexpr std::int64_t schedulers = 4;  // of a processor
    return n_units > 1 && quads.blocks >= schedulers * limits.processors &&
           limits.shared_per_processor / (quads.shared_bytes + reserved_per_block) > schedulers;
}

}  // namespace synfer::cuda
