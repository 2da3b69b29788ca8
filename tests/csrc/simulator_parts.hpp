// What the programs of spiking neurons and of rates have in common: drives, and what is recorded, in buffers exactly as
// large as what they hold.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "simulator/events.hpp"
#include "simulator/simulate.hpp"

namespace synfer {

constexpr std::int64_t n_steps = 75, middle = 37;  // in two runs, neither of whole chunks

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

// Runs every model of units without spikes, counting the runs; whether all were finite, and the same for any threads.
bool rates(int& n);

}  // namespace synfer
