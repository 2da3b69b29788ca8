// Chooses the kernels' instruction level and shares networks, or the units of a network, out among threads.
#include "simulator/simulate.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

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

std::vector<AlignedMemory> workspaces(int n, std::size_t bytes) {
    std::vector<AlignedMemory> memory(static_cast<std::size_t>(n));
    for (AlignedMemory& one : memory) one.reset(::operator new(bytes, std::align_val_t{64}));
    return memory;
}

// Small networks are simulated several at a time, side by side: enough units to fill the vectors and to hide the
// latency of a step, few enough to stay in the first-level cache. The results do not depend on it.
std::int64_t networks_at_once(std::int64_t n_networks, std::int64_t n_units, int n_threads) {
    constexpr std::int64_t units_wanted = 160;
    const std::int64_t share = (n_networks + n_threads - 1) / n_threads;
    return std::max<std::int64_t>(1, std::min(units_wanted / n_units, share));
}

// Step first: so the divergence named does not depend on how networks were put together.
bool before(const Divergence& a, const Divergence& b) {
    return b.network < 0 || a.step < b.step || (a.step == b.step && a.network < b.network);
}

void alone() {}

// Each thread takes networks of its own.
template <class T>
Divergence share_networks(const Kernels<T>& kernels, const Simulation<T>& s, int n_threads) {
    const std::int64_t together = networks_at_once(s.n_networks, s.n_units, n_threads);
    const std::int64_t n_groups = (s.n_networks + together - 1) / together;
    const int n = static_cast<int>(std::min<std::int64_t>(n_threads, n_groups));
    const std::vector<AlignedMemory> memory = workspaces(n, kernels.workspace_bytes(s, together, 1));

    Divergence first{-1, 0, 0};
#pragma omp parallel for schedule(dynamic, 1) num_threads(n)
    for (std::int64_t group = 0; group < n_groups; ++group) {
        const std::int64_t from = group * together;
        const std::int64_t count = std::min(together, s.n_networks - from);
        void* box = nullptr;
        const Team team{0, 1, alone, &box};
        const Divergence met =
            kernels.simulate(s, from, count, team, memory[static_cast<std::size_t>(thread_number())].get());
        if (met.network >= 0) {
#pragma omp critical(synfer_simulate_divergence)
            if (before(met, first)) first = met;
        }
    }
    return first;
}

#ifdef _OPENMP
// Of the region that a team runs in. How it waits (spinning or not) is the OpenMP runtime's to choose.
void wait_for_team() {
#pragma omp barrier
}

// All threads take part of one network after the other. False where there are not so many threads; then nothing is
// done.
template <class T>
bool share_units(const Kernels<T>& kernels, const Simulation<T>& s, int n, Divergence& first) {
    const std::vector<AlignedMemory> memory = workspaces(n, kernels.workspace_bytes(s, 1, n));
    std::vector<void*> boxes(static_cast<std::size_t>(n));
    bool as_many = true;
#pragma omp parallel num_threads(n)
    {
        if (omp_get_num_threads() != n) {
#pragma omp single
            as_many = false;
        } else {
            const int part = thread_number();
            for (std::int64_t network = 0; network < s.n_networks; ++network) {
                const Team team{part, n, wait_for_team, boxes.data()};
                const Divergence met =
                    kernels.simulate(s, network, 1, team, memory[static_cast<std::size_t>(part)].get());
                if (part == 0 && met.network >= 0 && before(met, first)) first = met;
#pragma omp barrier
            }
        }
    }
    return as_many;
}
#endif

}  // namespace

template <class T>
Divergence simulate(const Kernels<T>& kernels, const Simulation<T>& s, const Threads& how) {
#ifdef _OPENMP
    // Whichever keeps more threads at work: networks of their own, or parts of one after the other.
    const std::int64_t parts = std::min<std::int64_t>(how.n_threads, s.n_units / how.units_per_thread);
    Divergence first{-1, 0, 0};
    if (s.n_networks < parts && share_units(kernels, s, static_cast<int>(parts), first)) return first;
#endif
    return share_networks(kernels, s, how.n_threads);
}

template Divergence simulate<float>(const Kernels<float>&, const Simulation<float>&, const Threads&);
template Divergence simulate<double>(const Kernels<double>&, const Simulation<double>&, const Threads&);

}  // namespace synfer
