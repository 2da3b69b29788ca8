// Units without spikes, as simulator.cpp has the spiking ones: every model, with and without lags and lists of edges.
#include <cstdio>
#include <cstring>
#include <vector>

#include "simulator/rates.hpp"
#include "simulator_parts.hpp"

namespace synfer {

namespace {

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

}  // namespace

bool rates(int& n) {
    for (int m = 0; m < n_rate_models(); ++m) {
        if (!rates_of<float>(rate_model(m), n) || !rates_of<double>(rate_model(m), n)) return false;
    }
    return true;
}

}  // namespace synfer
