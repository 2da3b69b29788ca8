// Chooses the kernels' instruction level and shares networks, or the units of a network, out among threads.
#include <algorithm>
#include <new>
#include <vector>

#include "common/gate.hpp"
#include "common/instruction_level.hpp"
#include "common/threads.hpp"
#include "simulator/crew.hpp"

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

void alone(void*) {}

}  // namespace

void Crew::AlignedDelete::operator()(void* memory) const { ::operator delete(memory, std::align_val_t{64}); }

void Crew::reserve(int n, std::size_t bytes) {
    if (bytes > bytes_) {
        memory_.clear();
        bytes_ = bytes;
    }
    while (memory_.size() < static_cast<std::size_t>(n))
        memory_.emplace_back(::operator new(bytes_, std::align_val_t{64}));
}

// Each thread takes networks of its own.
template <class T>
Divergence Crew::share_networks(const Kernels<T>& kernels, const Simulation<T>& s) {
    const std::int64_t together = networks_at_once(s.n_networks, s.n_units, threads_.n_threads);
    const std::int64_t n_groups = (s.n_networks + together - 1) / together;
    const int n = static_cast<int>(std::min<std::int64_t>(threads_.n_threads, n_groups));
    reserve(n, kernels.workspace_bytes(s, together, 1));

    Divergence first{-1, 0, 0};
#pragma omp parallel for schedule(dynamic, 1) num_threads(n)
    for (std::int64_t group = 0; group < n_groups; ++group) {
        const std::int64_t from = group * together;
        const std::int64_t count = std::min(together, s.n_networks - from);
        void* box = nullptr;
        const Team team{0, 1, alone, nullptr, &box};
        const Divergence met =
            kernels.simulate(s, from, count, team, memory_[static_cast<std::size_t>(thread_number())].get());
        if (met.network >= 0) {
#pragma omp critical(synfer_simulate_divergence)
            if (before(met, first)) first = met;
        }
    }
    return first;
}

#ifdef _OPENMP
// All threads take part of one network after the other. False where there are not so many threads; then nothing is
// done.
template <class T>
bool Crew::share_units(const Kernels<T>& kernels, const Simulation<T>& s, int n, Divergence& first) {
    reserve(n, kernels.workspace_bytes(s, 1, n));
    std::vector<void*> boxes(static_cast<std::size_t>(n));
    Gate gate(n);
    bool as_many = true;
#pragma omp parallel num_threads(n)
    {
        if (omp_get_num_threads() != n) {
#pragma omp single
            as_many = false;
        } else {
            const int part = thread_number();
            for (std::int64_t network = 0; network < s.n_networks; ++network) {
                const Team team{part, n, Gate::wait_at, &gate, boxes.data()};
                const Divergence met =
                    kernels.simulate(s, network, 1, team, memory_[static_cast<std::size_t>(part)].get());
                if (part == 0 && met.network >= 0 && before(met, first)) first = met;
                gate.wait();
            }
        }
    }
    return as_many;
}
#endif

template <class T>
Divergence Crew::simulate(const Kernels<T>& kernels, const Simulation<T>& s) {
#ifdef _OPENMP
    // Whichever keeps more threads at work: networks of their own, or parts of one after the other.
    const std::int64_t parts = std::min<std::int64_t>(threads_.n_threads, s.n_units / threads_.units_per_thread);
    Divergence first{-1, 0, 0};
    if (s.n_networks < parts && share_units(kernels, s, static_cast<int>(parts), first)) return first;
#endif
    return share_networks(kernels, s);
}

template <class T>
Divergence simulate(const Kernels<T>& kernels, const Simulation<T>& s, const Threads& how) {
    return Crew(how).simulate(kernels, s);
}

template Divergence Crew::simulate<float>(const Kernels<float>&, const Simulation<float>&);
template Divergence Crew::simulate<double>(const Kernels<double>&, const Simulation<double>&);
template Divergence simulate<float>(const Kernels<float>&, const Simulation<float>&, const Threads&);
template Divergence simulate<double>(const Kernels<double>&, const Simulation<double>&, const Threads&);

}  // namespace synfer
