// Chooses the kernels' instruction level and shares networks, or the units of a large one, out among threads.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "common/instruction_level.hpp"
#include "common/threads.hpp"
#include "simulator/rates.hpp"

namespace synfer {

namespace {

struct Levels {
    const RateLevel& rates;
    const RateModel& lorenz96;
};

Levels rate_levels() {
    switch (instruction_level()) {
#ifdef SYNFER_X86_LEVELS
        case InstructionLevel::avx512:
            return {avx512::rates, avx512::lorenz96};
        case InstructionLevel::avx2:
            return {avx2::rates, avx2::lorenz96};
#endif
        default:
            return {baseline::rates, baseline::lorenz96};
    }
}

struct AlignedDelete {
    void operator()(void* p) const { ::operator delete(p, std::align_val_t{64}); }
};
using AlignedMemory = std::unique_ptr<void, AlignedDelete>;

AlignedMemory aligned(std::size_t bytes) { return AlignedMemory(::operator new(bytes + 1, std::align_val_t{64})); }

template <class T>
const RateKernels<T>& kernels_of(const RateModel& model) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return model.single;
    } else {
        return model.full;
    }
}

// Units side by side: as for the spiking models (simulate.cpp), and enough for the vectors of one large network.
constexpr std::int64_t units_wanted = 80;
// Shares of units are whole numbers of pieces, so that no vector is cut.
constexpr std::int64_t piece = 16;
// Multiplications a step below which two threads take longer to wait for each other than one for all of it.
constexpr std::int64_t worth_a_thread = 100'000;

bool before(const Divergence& a, const Divergence& b) {
    if (a.network < 0 || b.network < 0) return a.network >= 0;
    if (a.step != b.step) return a.step < b.step;
    return a.network != b.network ? a.network < b.network : a.unit < b.unit;
}

// Multiplications of one network in a step.
template <class T>
std::int64_t work(const RateSimulation<T>& s) {
    if (s.weights != nullptr) return s.n_units * s.n_units * s.n_lags;
    return s.row_starts[s.n_units] - s.row_starts[0];
}

void wait_for_all(void*) {
#pragma omp barrier
}

// One network after another, each by all threads.
template <class T>
Divergence by_units(const RateKernels<T>& kernels, const RateSimulation<T>& s, int team) {
    Divergence first{-1, 0, 0};
    for (std::int64_t network = 0; network < s.n_networks; ++network) {
        const std::int64_t pieces = (s.n_units + piece - 1) / piece;
        std::vector<RateShare> shares;
        for (int t = 0; t < team; ++t) {
            shares.push_back(
                {network, 1, pieces * t / team * piece, std::min(s.n_units, pieces * (t + 1) / team * piece)});
        }
        const AlignedMemory common = aligned(kernels.common_bytes(s, shares[0]));
        std::vector<AlignedMemory> own;
        for (const RateShare& share : shares) own.push_back(aligned(kernels.own_bytes(s, share)));
        std::vector<Divergence> met(shares.size());
        bool whole = true;
#pragma omp parallel num_threads(team)
        {
#ifdef _OPENMP
            // Fewer threads than asked for would wait for ever.
            if (omp_get_num_threads() == team) {
                const std::size_t t = static_cast<std::size_t>(thread_number());
                met[t] = kernels.simulate(s, shares[t], common.get(), own[t].get(), {wait_for_all, nullptr});
            } else {
#pragma omp single
                whole = false;
            }
#else
            whole = false;
#endif
        }
        if (!whole) {
            const RateShare all{network, 1, 0, s.n_units};
            const AlignedMemory memory = aligned(kernels.own_bytes(s, all));
            met.assign(1, kernels.simulate(s, all, common.get(), memory.get(), {nullptr, nullptr}));
        }
        for (const Divergence& one : met) {
            if (before(one, first)) first = one;
        }
    }
    return first;
}

// Networks, some side by side, each by one thread.
template <class T>
Divergence by_networks(const RateKernels<T>& kernels, const RateSimulation<T>& s, std::int64_t together,
                       int n_threads) {
    const std::int64_t n_groups = (s.n_networks + together - 1) / together;
    const int team = static_cast<int>(std::min<std::int64_t>(n_threads, n_groups));
    const auto share_of = [&](std::int64_t group) {
        return RateShare{group * together, std::min(together, s.n_networks - group * together), 0, s.n_units};
    };
    std::size_t common_bytes = 0, own_bytes = 0;
    for (std::int64_t group = 0; group < n_groups; ++group) {
        common_bytes = std::max(common_bytes, kernels.common_bytes(s, share_of(group)));
        own_bytes = std::max(own_bytes, kernels.own_bytes(s, share_of(group)));
    }
    std::vector<AlignedMemory> common, own;
    for (int t = 0; t < team; ++t) {
        common.push_back(aligned(common_bytes));
        own.push_back(aligned(own_bytes));
    }
    Divergence first{-1, 0, 0};
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
    for (std::int64_t group = 0; group < n_groups; ++group) {
        const std::size_t t = static_cast<std::size_t>(thread_number());
        const Divergence met = kernels.simulate(s, share_of(group), common[t].get(), own[t].get(), {nullptr, nullptr});
#pragma omp critical(synfer_simulate_rates_divergence)
        if (before(met, first)) first = met;
    }
    return first;
}

}  // namespace

int n_rate_models() { return rate_levels().rates.n_models + 1; }

const RateModel& rate_model(int i) {
    const Levels levels = rate_levels();
    return i < levels.rates.n_models ? levels.rates.models[i] : levels.lorenz96;
}

const RateModel* rate_model_named(const char* name) {
    for (int i = 0; i < n_rate_models(); ++i) {
        if (std::strcmp(name, rate_model(i).name) == 0) return &rate_model(i);
    }
    return nullptr;
}

template <class T>
Divergence simulate_rates(const RateModel& model, const RateSimulation<T>& s, int n_threads) {
    const RateKernels<T>& kernels = kernels_of<T>(model);
    if (model.coupled && s.n_networks < n_threads) {
        const std::int64_t most = std::min(work(s) / worth_a_thread, (s.n_units + piece - 1) / piece);
        const int team = static_cast<int>(std::min<std::int64_t>(n_threads, most));
        if (team > s.n_networks) return by_units(kernels, s, team);
    }
    const std::int64_t share = (s.n_networks + n_threads - 1) / n_threads;
    const std::int64_t together = model.coupled ? std::min(units_wanted / s.n_units, share) : 1;
    return by_networks(kernels, s, std::max<std::int64_t>(1, together), n_threads);
}

template Divergence simulate_rates<float>(const RateModel&, const RateSimulation<float>&, int);
template Divergence simulate_rates<double>(const RateModel&, const RateSimulation<double>&, int);

}  // namespace synfer
