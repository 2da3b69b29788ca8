// The simulator's kernels on buffers exactly as large as what they hold, for every model, synapse, layout, plasticity,
// drive and way of recording, in sizes on both sides of vectors and blocks: run under the address and
// undefined-behaviour sanitizers by test_sanitizers.py, it ends with 0 and prints what it ran.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "common/instruction_level.hpp"
#include "simulator/crew.hpp"
#include "simulator/events.hpp"
#include "simulator/rates.hpp"
#include "simulator/simulate.hpp"

using namespace synfer;

constexpr std::int64_t n_steps = 75, middle = 37;  // in two runs, neither of whole chunks

template <class T>
const auto& kernels_of(const Model& model) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return model.single;
    } else {
        return model.full;
    }
}

struct Random {
    std::mt19937 generator{1};
    double between(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator); }
    std::int64_t integer(std::int64_t low, std::int64_t high) {
        return std::uniform_int_distribution<std::int64_t>(low, high)(generator);
    }
};

// Drives of every kind from `kinds` (a bit each) on, beside a Gaussian one.
template <class T>
struct Drives {
    std::vector<DriveTerm<T>> terms;
    std::vector<std::vector<double>> parameters;
    std::vector<std::vector<T>> states;
    std::vector<std::uint32_t> thresholds, ids;

    Drives(std::int64_t networks, std::int64_t units, double mean, int kinds) {
        const std::int64_t all = networks * units;
        for (std::int64_t k = 0; k < networks; ++k) ids.push_back(static_cast<std::uint32_t>(3 * k));
        for (int kind = n_drive_kinds - 1; kind >= 0; --kind) {
            if ((kinds >> kind & 1) == 0) continue;
            // mean or amplitude, then what the kind has: deviation, decay, kick, or steps, turns
            const double values[] = {mean / 2, kind == 4 ? 5.0 : 0.1, kind == 4 ? 60.0 : 0.4, 0.9};
            auto& p = parameters.emplace_back();
            for (std::int64_t e = 0; e < networks; ++e) {
                for (int r = 0; r < n_drive_parameters[kind]; ++r) {
                    for (std::int64_t i = 0; i < units; ++i) p.push_back(values[r]);
                }
            }
            DriveTerm<T> term{};
            term.kind = static_cast<DriveKind>(kind), term.parameters = p.data();
            if (term.kind == DriveKind::poisson) {
                for (const std::uint32_t limit : {3000000000u, 4000000000u})
                    thresholds.insert(thresholds.end(), static_cast<std::size_t>(units), limit);
                std::vector<std::uint32_t> one = thresholds;
                for (std::int64_t k = 1; k < networks; ++k) thresholds.insert(thresholds.end(), one.begin(), one.end());
                term.one_rate = kinds % 3 == 1;
                if (term.one_rate) thresholds = {3000000000u, 4000000000u};
                term.n_thresholds = 2, term.thresholds = thresholds.data();
            }
            const bool shared = term.kind == DriveKind::shared_ornstein_uhlenbeck;
            auto& state = states.emplace_back();
            if (shared || term.kind == DriveKind::ornstein_uhlenbeck)
                state.resize(static_cast<std::size_t>(shared ? networks : all));
            if (term.kind == DriveKind::replayed) {
                term.replayed_stride = kinds % 3 == 0 ? 0 : n_steps * units;
                state.assign(static_cast<std::size_t>(n_steps * (kinds % 3 == 0 ? units : all)), T(mean));
                term.replayed = state.data();
            }
            term.state = state.data();
            terms.push_back(term);
        }
    }
    Drive<T> drive() const { return {terms.data(), static_cast<int>(terms.size()), 0, 7, ids.data()}; }
};

// What is recorded: of all units, and of some of them in steps of their own; and what each bit of `signals` asks for:
// states, spikes, drive, spikes one by one, the terms of the drive.
template <class T>
struct Records {
    struct Arrays {
        std::vector<std::vector<T>> states;
        std::vector<std::uint8_t> spikes, counted;
        std::vector<T> drive;
        std::vector<std::vector<T>> alone;  // of each term of the drive
        std::vector<T*> terms;
        bool operator==(const Arrays& other) const {
            return states == other.states && spikes == other.spikes && drive == other.drive && alone == other.alone;
        }
    };
    Arrays arrays[2];
    std::vector<std::int64_t> some;
    std::vector<Recorded<T>> recorded;
    std::unique_ptr<EventStore> events;
    std::vector<std::int64_t> listed;

    Records(std::int64_t networks, std::int64_t units, int n_states, std::int64_t from, std::int64_t every,
            int signals) {
        for (std::int64_t unit = units / 3; unit < units; unit += 1 + unit % 3) some.push_back(unit);
        some.shrink_to_fit();
        for (const bool all : {true, false}) {
            Arrays& own = arrays[all ? 0 : 1];
            Recorded<T>& to = recorded.emplace_back();
            to.from = from, to.every = all ? every : every + 1, to.n_rows = (n_steps - from) / to.every;
            to.n_units = all ? units : static_cast<std::int64_t>(some.size()), to.units = all ? nullptr : some.data();
            const auto size = static_cast<std::size_t>(to.n_rows * networks * to.n_units);
            for (int r = 0; r < n_states && (signals & 1) != 0; ++r) own.states.emplace_back(size);
            for (std::size_t r = 0; r < own.states.size(); ++r) to.states[r] = own.states[r].data();
            if ((signals & 2) != 0) own.spikes.resize(size), to.spikes = own.spikes.data();
            if ((signals & 2) != 0 && to.every > 1) {
                own.counted.resize(static_cast<std::size_t>(networks * units));
                to.counted = own.counted.data();
            }
            if ((signals & 4) != 0) own.drive.resize(size), to.drive = own.drive.data();
        }
        if ((signals & 8) == 0) return;
        events = std::make_unique<EventStore>(networks, units, std::vector<std::int64_t>{});
        recorded[0].events = events->sink();
    }
    // How many spikes are listed; what they are goes to `listed`.
    std::int64_t list() {
        if (!events) return 0;
        const auto n = static_cast<std::size_t>(events->count());
        listed.resize(3 * n);
        events->move_to(listed.data(), listed.data() + n, listed.data() + 2 * n);
        return static_cast<std::int64_t>(n);
    }
    bool same(const Records& other) const {
        return arrays[0] == other.arrays[0] && arrays[1] == other.arrays[1] && listed == other.listed;
    }
    void ask(std::vector<DriveTerm<T>>& terms, std::int64_t networks) {
        for (int i = 0; i < 2; ++i) {
            Recorded<T>& to = recorded[static_cast<std::size_t>(i)];
            const auto size = static_cast<std::size_t>(to.n_rows * networks * to.n_units);
            for (DriveTerm<T>& term : terms) term.alone = true, arrays[i].alone.emplace_back(size);
            for (auto& one : arrays[i].alone) arrays[i].terms.push_back(one.data());
            to.terms = arrays[i].terms.data();
        }
    }
};

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

template <class T>
bool finite(const RateModel& model, std::int64_t networks, std::int64_t units, std::int64_t lags, bool listed,
            int kinds, int n_threads, Records<T>& records) {
    const std::int64_t all = networks * units;
    Random random;
    RateSimulation<T> s{};
    s.n_networks = networks, s.n_units = units, s.n_lags = lags, s.dt = T(0.002);
    std::vector<T> parameters, weights, values, state;
    for (std::int64_t k = 0; k < networks; ++k) {
        for (int r = 0; r < model.n_parameters; ++r) {
            const bool noise = std::strcmp(model.parameters[r].name, "noise") == 0;
            parameters.insert(parameters.end(), static_cast<std::size_t>(units),
                              static_cast<T>(noise ? 0.1 : model.parameters[r].value));
        }
    }
    for (std::int64_t e = 0; e < all * lags; ++e) state.push_back(static_cast<T>(random.between(-1, 1)));
    std::vector<std::int64_t> row_starts;
    std::vector<std::int32_t> sources;
    const double strength = 0.5 / static_cast<double>(units * lags);
    if (listed) {
        for (std::int64_t k = 0; k < networks; ++k) {
            row_starts.push_back(static_cast<std::int64_t>(sources.size()));
            for (std::int64_t i = 0; i < units; ++i) {
                for (std::int64_t j = i % 3; j < units; j += 1 + i % 4) {
                    sources.push_back(static_cast<std::int32_t>(j));
                    values.push_back(static_cast<T>(random.between(-strength, strength)));
                }
                row_starts.push_back(static_cast<std::int64_t>(sources.size()));
            }
        }
    } else if (model.coupled) {
        for (std::int64_t e = 0; e < all * units * lags; ++e)
            weights.push_back(static_cast<T>(random.between(-strength, strength)));
    }
    for (auto* list : {&parameters, &weights, &values, &state}) list->shrink_to_fit();
    row_starts.shrink_to_fit(), sources.shrink_to_fit();
    s.parameters = parameters.data(), s.state = state.data();
    s.weights = weights.empty() ? nullptr : weights.data();
    s.row_starts = row_starts.data(), s.sources = sources.data(), s.values = values.data();
    Drives<T> drives(networks, units, 1.0, kinds);
    records.ask(drives.terms, networks);
    s.drive = drives.drive();
    s.recorded = records.recorded.data(), s.n_recorded = static_cast<int>(records.recorded.size());
    for (const auto& [begin, end] : {std::pair{std::int64_t{0}, middle}, {middle, n_steps}}) {
        s.begin = begin, s.end = end;
        if (simulate_rates(model, s, n_threads).network >= 0) {
            std::fprintf(stderr, "%s of %d units is not finite\n", model.name, static_cast<int>(units));
            return false;
        }
    }
    return true;
}

template <class T>
bool rates_of(const RateModel& model, int& n) {
    for (const std::int64_t units : {1, 5, 16, 33, 80, 400}) {
        for (const std::int64_t lags : {1, 2, 5}) {
            if ((lags > 1 && (!model.lagged || units > 80)) || (!model.coupled && units < 4)) continue;
            const std::int64_t networks = units > 50 ? 1 : 1 + n % 5;
            const bool listed = model.coupled && lags == 1 && n % 2 == 0;
            const int kinds = 1 << n % 8 | (n % 3 == 0 ? 2 : 0);
            const std::int64_t every = 1 + n % 3, from = n % 4 == 0 ? 20 : 0;
            Records<T> alone(networks, units, 1, from, every, 5), shared(networks, units, 1, from, every, 5);
            if (!finite<T>(model, networks, units, lags, listed, kinds, 1, alone)) return false;
            if (!finite<T>(model, networks, units, lags, listed, kinds, 3, shared)) return false;
            if (!alone.same(shared)) return false;
            ++n;
        }
    }
    return true;
}

int main() {
    for (int i = 0; i < n_instruction_levels; ++i) {
        const auto level = static_cast<InstructionLevel>(i);
        if (!available(level)) continue;
        set_instruction_level(level);
        int n = 0;
        if (!spiking(simulator_level(), n)) return 1;
        for (int m = 0; m < n_rate_models(); ++m) {
            if (!rates_of<float>(rate_model(m), n) || !rates_of<double>(rate_model(m), n)) return 1;
        }
        std::printf("%s: %d\n", name_of(level), n);
    }
    return 0;
}
