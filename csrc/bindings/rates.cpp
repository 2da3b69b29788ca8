#include "simulator/rates.hpp"

#include "bindings/bindings.hpp"
#include "bindings/records.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

const RateModel& model_named(const std::string& name) {
    const RateModel* model = rate_model_named(name.c_str());
    if (model == nullptr) throw py::key_error("no rate model '" + name + "'");
    return *model;
}

// Weights (network, lag, target, source), or (row_starts (network, unit + 1), sources, values), or nothing.
using Coupling = std::tuple<MaybeArray, MaybeArray, MaybeArray, MaybeArray>;

template <class T>
void couple(RateSimulation<T>& s, const Coupling& coupling) {
    const auto& [weights, row_starts, sources, values] = coupling;
    if (weights) {
        s.weights = data_of<T>(*weights, "weights", {s.n_networks, s.n_lags, s.n_units, s.n_units}, false);
        return;
    }
    if (!row_starts || !sources || !values || s.n_lags != 1)
        throw py::value_error("neither weights, nor row_starts, sources and values of one lag");
    const std::int64_t rows = s.n_networks * (s.n_units + 1), n = sources->size();
    s.row_starts = data_of<std::int64_t>(*row_starts, "row_starts", {s.n_networks, s.n_units + 1}, false);
    s.sources = data_of<std::int32_t>(*sources, "sources", {n}, false);
    s.values = data_of<T>(*values, "values", {n}, false);
    for (std::int64_t i = 0; i < rows; ++i) {
        if (s.row_starts[i] < (i == 0 ? 0 : s.row_starts[i - 1]) || s.row_starts[i] > n)
            throw py::value_error("row_starts do not rise from 0 to the number of entries");
    }
    for (std::int64_t i = 0; i < n; ++i) {
        if (s.sources[i] < 0 || s.sources[i] >= s.n_units) throw py::value_error("a source is no unit");
    }
}

struct Run {
    std::int64_t first, last, begin, end, record_from;
    double dt;
    std::uint64_t seed;
    int n_threads;
};

template <class T>
Divergence run(const RateModel& model, const Run& r, const py::array& parameters, py::array state,
               const Coupling& coupling, const py::array& ids, const std::vector<BoundTerm>& drive,
               const std::vector<BoundRecord>& records) {
    if (parameters.ndim() != 3 || state.ndim() != 3) throw py::value_error("parameters or state have not three axes");
    RateSimulation<T> s{};
    s.n_networks = parameters.shape(0);
    s.n_units = parameters.shape(2);
    s.n_lags = state.shape(1);
    const std::int64_t most_lags = model.lagged ? max_lags : 1;
    if (s.n_networks < 1 || s.n_units < 1) throw py::value_error("no networks or no units");
    if (s.n_lags < 1 || s.n_lags > most_lags) throw py::value_error("too few or many lags");
    if (!model.coupled && s.n_units < 4) throw py::value_error("fewer than four units");
    s.parameters = data_of<T>(parameters, "parameters", {s.n_networks, model.n_parameters, s.n_units}, false);
    s.state = data_of<T>(state, "state", {s.n_networks, s.n_lags, s.n_units}, true);
    if (r.first < 0 || r.begin < r.first || r.begin >= r.end || r.end > r.last || r.record_from < r.first)
        throw py::value_error("not 0 <= first <= begin < end <= last and first <= record_from");
    if (r.n_threads < 1) throw py::value_error("n_threads < 1");
    s.begin = r.begin, s.end = r.end;
    s.dt = static_cast<T>(r.dt);
    if (model.coupled) couple(s, coupling);
    BoundDrive<T> bound(drive, ids, r.seed, s.n_networks, s.n_units, r.first, r.last);
    const BoundRecords<T> recorded(records, model.states, 1, s.n_networks, s.n_units, r.record_from, r.last, bound);
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (recorded.all[i].spikes != nullptr || std::get<3>(records[i])) throw py::key_error("no signal 'spikes'");
    }
    s.drive = bound.drive;
    s.recorded = recorded.all.data(), s.n_recorded = static_cast<int>(recorded.all.size());
    const py::gil_scoped_release released;
    return simulate_rates(model, s, r.n_threads);
}

std::optional<std::tuple<std::int64_t, std::int64_t, std::int64_t>> simulate_bound(
    const std::string& model_name, const py::array& parameters, py::array state, const Coupling& coupling,
    const py::array& ids, const std::vector<BoundTerm>& drive, std::uint64_t seed, double dt, std::int64_t first,
    std::int64_t last, std::int64_t begin, std::int64_t end, const std::vector<BoundRecord>& record,
    std::int64_t record_from, int n_threads) {
    const RateModel& model = model_named(model_name);
    const Run r{first, last, begin, end, record_from, dt, seed, n_threads};
    const Divergence met = is_single(parameters, "parameters")
                               ? run<float>(model, r, parameters, state, coupling, ids, drive, record)
                               : run<double>(model, r, parameters, state, coupling, ids, drive, record);
    if (met.network < 0) return std::nullopt;
    return std::make_tuple(met.network, met.unit, met.step);
}

}  // namespace

void bind_rates(py::module_& m) {
    m.def(
        "rate_models",
        [] {
            py::dict all;
            for (int i = 0; i < n_rate_models(); ++i) {
                const RateModel& model = rate_model(i);
                all[model.name] =
                    py::make_tuple(described(model.parameters, model.n_parameters), described(model.states, 1));
            }
            return all;
        },
        "name -> (parameters, states), each a list of (name, default value, unit, range)");
    m.def(
        "simulate_rates", &simulate_bound, py::kw_only(), py::arg("model"), py::arg("parameters"), py::arg("state"),
        py::arg("coupling"), py::arg("ids"), py::arg("drive"), py::arg("seed"), py::arg("dt"), py::arg("first"),
        py::arg("last"), py::arg("begin"), py::arg("end"), py::arg("record"), py::arg("record_from"),
        py::arg("n_threads"),
        "Take the steps [begin, end) of [first, last), dt in seconds, writing those rows of what is in `record`; "
        "see simulator/rates.hpp. `coupling` is (weights, row_starts, sources, values), the first or the others None.\n"
        "Gives None, or (network index, unit, step) where a state was first not finite.");
}

}  // namespace synfer
