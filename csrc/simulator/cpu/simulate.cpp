// Chooses the kernels' instruction level and shares the networks out among threads.
#include "simulator/simulate.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include "common/instruction_level.hpp"
#include "common/threads.hpp"

namespace synfer {

const SimulatorLevel& simulator_level() {
    switch (instruction_level()) {
#ifdef SYNFER_X86_LEVELS
        case InstructionLevel::avx512:
            return avx512::simulator;
        case InstructionLevel::avx2:
            return avx2::simulator;
#endif
        default:
            return baseline::simulator;
    }
}

namespace {

struct AlignedDelete {
    void operator()(void* p) const { ::operator delete(p, std::align_val_t{64}); }
};
using AlignedMemory = std::unique_ptr<void, AlignedDelete>;

// Small networks are simulated several at a time, side by side: enough units to fill the vectors and to hide the
// latency of a step, few enough to stay in the first-level cache. The results do not depend on it.
std::int64_t networks_at_once(std::int64_t n_networks, std::int64_t n_units, int n_threads) {
    constexpr std::int64_t units_wanted = 80;
    const std::int64_t share = (n_networks + n_threads - 1) / n_threads;
    return std::max<std::int64_t>(1, std::min(units_wanted / n_units, share));
}

// Step first: so the divergence named does not depend on how networks were put together.
bool before(const Divergence& a, const Divergence& b) {
    return b.network < 0 || a.step < b.step || (a.step == b.step && a.network < b.network);
}

}  // namespace

template <class T>
Divergence simulate(const Kernels<T>& kernels, const Simulation<T>& s, int n_threads) {
    const std::int64_t together = networks_at_once(s.n_networks, s.n_units, n_threads);
    const std::int64_t n_groups = (s.n_networks + together - 1) / together;
    const int team = static_cast<int>(std::min<std::int64_t>(n_threads, n_groups));
    const std::size_t bytes = kernels.workspace_bytes(s, together);
    const auto memory = std::make_unique<AlignedMemory[]>(static_cast<std::size_t>(team));
    for (int t = 0; t < team; ++t) memory[t].reset(::operator new(bytes, std::align_val_t{64}));

    Divergence first{-1, 0, 0};
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
    for (std::int64_t group = 0; group < n_groups; ++group) {
        const std::int64_t from = group * together;
        const std::int64_t count = std::min(together, s.n_networks - from);
        const Divergence met = kernels.simulate(s, from, count, memory[thread_number()].get());
        if (met.network >= 0) {
#pragma omp critical(synfer_simulate_divergence)
            if (before(met, first)) first = met;
        }
    }
    return first;
}

template Divergence simulate<float>(const Kernels<float>&, const Simulation<float>&, int);
template Divergence simulate<double>(const Kernels<double>&, const Simulation<double>&, int);

}  // namespace synfer
