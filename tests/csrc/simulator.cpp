// The simulator's kernels on buffers exactly as large as what they hold, for every model, synapse, layout, plasticity,
// drive and way of recording, in sizes on both sides of vectors and blocks (simulator_rates.cpp: units without spikes):
// run under the address and undefined-behaviour sanitizers by test_sanitizers.py, it ends with 0 and prints what it
// ran.
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "common/instruction_level.hpp"
#include "simulator/crew.hpp"
#include "simulator/simulate.hpp"
#include "simulator_parts.hpp"

using namespace synfer;

template <class T>
const auto& kernels_of(const Model& model) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return model.single;
    } else {
        return model.full;
    }
}

struct Case {
    std::int64_t networks, units;
    SynapseKind synapse;
    bool listed;
    std::int64_t shortest, longest;
    bool short_term, stdp;
    double mean, strength;  // of the drive and of the weights
    int kinds, signals;
    std::int64_t every, from;
};

// Gives the spikes of all, or -1 where a state was not finite.
template <class T>
std::int64_t simulated(const Model& model, const Case& c, const Threads& threads, Records<T>& records) {
    const Kernels<T>& kernels = kernels_of<T>(model);
    const std::int64_t all = c.networks * c.units;
    const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    Simulation<T> s{};
    s.n_networks = c.networks, s.n_units = c.units, s.dt = T(0.5);
    std::vector<T> parameters;
    for (std::int64_t k = 0; k < c.networks; ++k) {
        for (int r = 0; r < model.n_parameters; ++r)
            parameters.insert(parameters.end(), size(c.units), static_cast<T>(model.parameters[r].value));
    }
    std::vector<T> state(size(all * model.n_states));
    s.parameters = parameters.data(), s.state = state.data();
    kernels.initialise(s);

    Random random;
    Wiring<T>& w = s.wiring;
    w.shortest = c.shortest, w.longest = c.longest;
    w.synapse = {c.synapse, {3.0, 5.0}, {0.0, -80.0}};
    const int kind = static_cast<int>(c.synapse);
    std::vector<T> synapse_state(size(all * n_synapse_states_of[kind]));
    std::vector<T> pending(size(c.longest > 1 ? all * c.longest * n_receptors_of[kind] : 0));
    w.synapse_state = synapse_state.data(), w.pending = pending.empty() ? nullptr : pending.data();
    std::vector<T> weights, strengths, traces(size(c.stdp ? 2 * all : 0));
    std::vector<std::int64_t> starts{0}, in_starts{0}, in_edges;
    std::vector<std::uint32_t> targets, sources, in_sources;
    std::vector<std::uint16_t> delays;
    const auto weight = [&] {
        return random.integer(0, 1) == 0 ? T(0) : static_cast<T>(c.strength * random.between(-0.5, 1.0));
    };
    if (c.listed) {
        for (std::int64_t j = 0; j < all; ++j) {
            for (std::int64_t i = 0; i < c.units; ++i) {
                const T value = weight();
                if (value == T(0)) continue;
                targets.push_back(static_cast<std::uint32_t>(i)), strengths.push_back(value);
                sources.push_back(static_cast<std::uint32_t>(j % c.units));
                const std::int64_t last = static_cast<std::int64_t>(strengths.size()) - 1;
                const std::int64_t delay = last == 0 ? c.longest : random.integer(c.shortest, c.longest);
                delays.push_back(static_cast<std::uint16_t>(delay));
            }
            starts.push_back(static_cast<std::int64_t>(targets.size()));
        }
        for (auto* list : {&targets, &sources}) list->shrink_to_fit();
        strengths.shrink_to_fit(), delays.shrink_to_fit(), starts.shrink_to_fit();
        w.starts = starts.data(), w.targets = targets.data(), w.strengths = strengths.data();
        w.delays = c.shortest < c.longest ? delays.data() : nullptr;
    } else {
        for (std::int64_t e = 0; e < all * c.units; ++e) weights.push_back(weight());
        weights.shrink_to_fit();
        w.weights = weights.data();
    }
    std::vector<double> releases(size(c.short_term ? 3 * all : 0), 1.0);
    if (c.short_term) w.short_term = {0.4, 50.0, 20.0, releases.data()};
    if (c.stdp) {
        for (std::int64_t k = 0; k < c.networks; ++k) {
            for (std::int64_t i = 0; i < c.units; ++i) {
                for (std::int64_t edge = starts[size(k * c.units)]; edge < starts[size((k + 1) * c.units)]; ++edge) {
                    if (static_cast<std::int64_t>(targets[size(edge)]) != i) continue;
                    in_edges.push_back(edge), in_sources.push_back(sources[size(edge)]);
                }
                in_starts.push_back(static_cast<std::int64_t>(in_edges.size()));
            }
        }
        in_edges.shrink_to_fit(), in_sources.shrink_to_fit(), in_starts.shrink_to_fit();
        w.stdp = {20.0,
                  20.0,
                  T(0.01),
                  T(0.012),
                  T(0),
                  static_cast<T>(c.strength),
                  traces.data(),
                  in_starts.data(),
                  in_edges.data(),
                  in_sources.data()};
    }
    Drives<T> drives(c.networks, c.units, c.mean, c.kinds);
    if ((c.signals & 16) != 0) records.ask(drives.terms, c.networks);
    s.drive = drives.drive();
    Crew crew(threads);
    for (const auto& [begin, end] : {std::pair{std::int64_t{0}, middle}, {middle, n_steps}}) {
        s.begin = begin, s.end = end, w.fresh = begin == 0;
        s.recorded = records.recorded.data(), s.n_recorded = static_cast<int>(records.recorded.size());
        if (crew.simulate(kernels, s).network >= 0) return -1;
    }
    return records.list();
}

struct Driven {
    const char* model;
    double mean, strength;  // at which it fires and stays finite
};
constexpr Driven driven[] = {
    {"izhikevich", 40, 8},        {"lif", 60, 10},           {"escape_lif", 60, 10},
    {"adex", 4000, 200},          {"hodgkin_huxley", 40, 2}, {"hodgkin_huxley_cortical", 40, 2},
    {"fitzhugh_nagumo", 1.5, .1}, {"poisson", 400, 10},      {"linear_nonlinear_poisson", 4, .02}};

template <class T>
bool same_for_any_threads(const Model& model, const Case& c, std::int64_t& n_spikes) {
    Records<T> alone(c.networks, c.units, model.n_states, c.from, c.every, c.signals);
    Records<T> shared(c.networks, c.units, model.n_states, c.from, c.every, c.signals);
    const std::int64_t count = simulated<T>(model, c, {1, 1}, alone);
    if (count < 0 || simulated<T>(model, c, {3, 5}, shared) != count || !alone.same(shared)) {
        std::fprintf(stderr, "%s, %d networks of %d units, synapse %d, drives %d: %d spikes\n", model.name,
                     static_cast<int>(c.networks), static_cast<int>(c.units), static_cast<int>(c.synapse), c.kinds,
                     static_cast<int>(count));
        return false;
    }
    n_spikes += count;
    return true;
}

bool spiking(const SimulatorLevel& level, int& n) {
    for (int m = 0; m < level.n_models; ++m) {
        const Model& model = level.models[m];
        const Driven* at = driven;
        while (std::strcmp(at->model, model.name) != 0) {
            if (++at == driven + sizeof(driven) / sizeof(Driven)) return false;
        }
        std::int64_t spikes = 0;
        for (int i = 0; i < 48; ++i, ++n) {
            constexpr std::int64_t sizes[] = {1, 7, 16, 33, 64, 101};
            Case c{};
            c.units = sizes[i % 6], c.networks = c.units < 40 ? 1 + i / 6 % 4 : 1;
            c.synapse = static_cast<SynapseKind>((i + m) % (model.jumps ? 5 : 4));
            c.listed = i / 4 % 2 == 1, c.shortest = c.longest = 1 + i / 8 % 3;
            c.short_term = i / 2 % 2 == 1, c.stdp = c.listed && i / 8 % 2 == 1;
            if (c.listed && i % 3 == 0) c.longest = c.shortest + 20;
            const bool conducts = c.synapse == SynapseKind::conductance;
            const bool jumps =
                c.synapse == SynapseKind::jump;  // of many sources at once, which explicit steps must bear
            c.mean = at->mean, c.strength = conducts ? at->strength / 100 : jumps ? at->strength / 10 : at->strength;
            c.kinds = 2 | (1 << (i + m) % 8), c.signals = i % 3 == 0 ? 31 : 8 | i % 8;
            c.every = 1 + i % 4, c.from = i % 5 == 0 ? 11 : 0;
            if (!same_for_any_threads<float>(model, c, spikes)) return false;
            if (!same_for_any_threads<double>(model, c, spikes)) return false;
        }
        // A block of more units than are taken at a time, its drive made once.
        const Case large{1, 1500, SynapseKind::exponential, false, 2, 2, false, false, at->mean, 0.0, 0, 15, 1, 0};
        if (!same_for_any_threads<float>(model, large, spikes)) return false;
        if (spikes == 0) {
            std::fprintf(stderr, "no spike of %s\n", model.name);
            return false;
        }
        // What diverges is told, whoever meets it.
        Case wild = large;
        wild.units = 40, wild.mean = 1e30, wild.kinds = 1, wild.signals = 15;
        Records<float> records(1, wild.units, model.n_states, 0, 1, 15);
        simulated<float>(model, wild, {2, 5}, records);
    }
    return true;
}

int main() {
    for (int i = 0; i < n_instruction_levels; ++i) {
        const auto level = static_cast<InstructionLevel>(i);
        if (!available(level)) continue;
        set_instruction_level(level);
        int n = 0;
        if (!spiking(simulator_level(), n) || !rates(n)) return 1;
        std::printf("%s: %d\n", name_of(level), n);
    }
    return 0;
}
