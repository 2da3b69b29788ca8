// A simulation of spiking networks, bound to its arrays once and then taken step by step.
#include <atomic>
#include <list>

#include "bindings/bindings.hpp"
#include "bindings/model.hpp"
#include "bindings/pooled.hpp"
#include "bindings/records.hpp"
#include "bindings/wiring.hpp"
#include "simulator/crew.hpp"
#include "simulator/events.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

// The steps of the whole run, of which the rows from record_from on are recorded.
struct Run {
    std::int64_t first, last, record_from;
    double dt_ms;
    std::uint64_t seed;
    Threads threads;
};

// A wiring of our own: arrays that index memory are looked at once, and must stay what they were then.
py::dict kept(const py::dict& given) {
    py::dict own = given.attr("copy")();
    for (const char* name : {"starts", "targets", "delays", "in_starts", "in_edges", "in_sources"}) {
        if (!has(own, name)) continue;
        const auto array = own[name].cast<py::array>();
        if (!is_frozen(array)) own[name] = array.attr("copy")();
    }
    return own;
}

class Bound {
  public:
    virtual ~Bound() = default;
    virtual Divergence take(std::int64_t begin, std::int64_t end) = 0;
    std::vector<std::unique_ptr<EventStore>> events;  // (record); null where none are listed
};

template <class T>
class BoundIn final : public Bound {
  public:
    BoundIn(const Model& model, const Run& run, py::array parameters, py::array state, const py::dict& wiring,
            py::array ids, std::vector<BoundTerm> terms, std::vector<BoundRecord> records)
        : kernels_(kernels_of<T>(model)),
          run_(run),
          parameters_(std::move(parameters)),
          state_(std::move(state)),
          ids_(std::move(ids)),
          wiring_(kept(wiring)),
          terms_(std::move(terms)),
          records_(std::move(records)),
          s_(with_parameters<T>(model, parameters_, state_)),
          drive_(terms_, ids_, run.seed, s_.n_networks, s_.n_units, run.first, run.last),
          recorded_(records_, model.states, model.n_states, s_.n_networks, s_.n_units, run.record_from, run.last,
                    drive_),
          crew_(run.threads) {
        s_.dt = static_cast<T>(run.dt_ms);
        s_.wiring = bound_wiring<T>(wiring_, s_.n_networks, s_.n_units);
        if (s_.wiring.synapse.kind == SynapseKind::jump && !model.jumps)
            throw py::value_error("no v for a synapse to move");
        s_.drive = drive_.drive;
        fresh_ = s_.wiring.fresh;
        for (std::size_t i = 0; i < records_.size(); ++i) {
            const BoundRecord& record = records_[i];
            const auto& units = std::get<1>(record);
            events.push_back(std::get<3>(record)
                                 ? std::make_unique<EventStore>(s_.n_networks, s_.n_units,
                                                                units.value_or(std::vector<std::int64_t>{}))
                                 : nullptr);
            if (events.back()) recorded_.all[i].events = events.back()->sink();
        }
        s_.recorded = recorded_.all.data(), s_.n_recorded = static_cast<int>(recorded_.all.size());
    }

    Divergence take(std::int64_t begin, std::int64_t end) override {
        if (begin < run_.first || begin >= end || end > run_.last)
            throw py::value_error("not first <= begin < end <= last");
        s_.begin = begin, s_.end = end;
        s_.wiring.fresh = fresh_ && begin == run_.first;
        Divergence met{};
        {
            const py::gil_scoped_release released;
            met = crew_.simulate(kernels_, s_);
        }
        for (const auto& store : events) {
            if (store && store->failed()) throw std::bad_alloc();
        }
        return met;
    }

  private:
    const Kernels<T>& kernels_;
    Run run_;
    // What the pointers below point into.
    py::array parameters_, state_, ids_;
    py::dict wiring_;
    std::vector<BoundTerm> terms_;
    std::vector<BoundRecord> records_;
    Simulation<T> s_;
    BoundDrive<T> drive_;
    BoundRecords<T> recorded_;
    bool fresh_ = false;
    Crew crew_;
};

class BoundSimulation {
  public:
    BoundSimulation(const std::string& model_name, const py::array& parameters, const py::array& state,
                    const py::dict& wiring, const py::array& ids, const std::vector<BoundTerm>& drive,
                    std::uint64_t seed, double dt_ms, std::int64_t first, std::int64_t last,
                    const std::vector<BoundRecord>& record, std::int64_t record_from, int n_threads,
                    std::int64_t units_per_thread) {
        if (first < 0 || first >= last || record_from < first)
            throw py::value_error("not 0 <= first < last and first <= record_from");
        if (n_threads < 1 || units_per_thread < 1) throw py::value_error("n_threads < 1 or units_per_thread < 1");
        const Model& model = model_named(model_name);
        const Run run{first, last, record_from, dt_ms, seed, {n_threads, units_per_thread}};
        if (is_single(parameters, "parameters")) {
            bound_ = std::make_unique<BoundIn<float>>(model, run, parameters, state, wiring, ids, drive, record);
        } else {
            bound_ = std::make_unique<BoundIn<double>>(model, run, parameters, state, wiring, ids, drive, record);
        }
    }

    std::optional<std::tuple<std::int64_t, std::int64_t, std::int64_t>> take(std::int64_t begin, std::int64_t end) {
        const Use use(busy_);
        const Divergence met = bound_->take(begin, end);
        if (met.network < 0) return std::nullopt;
        return std::make_tuple(met.network, met.unit, met.step);
    }

    py::tuple events(std::size_t record, bool networks) {
        const Use use(busy_);
        if (record >= bound_->events.size() || !bound_->events[record])
            throw py::index_error("no spikes are listed there");
        EventStore& store = *bound_->events[record];
        const std::int64_t n = store.count();
        py::array network = pooled<std::int64_t>({networks ? n : 0}), step = pooled<std::int64_t>({n});
        py::array unit = pooled<std::int64_t>({n});
        store.move_to(networks ? static_cast<std::int64_t*>(network.mutable_data()) : nullptr,
                      static_cast<std::int64_t*>(step.mutable_data()), static_cast<std::int64_t*>(unit.mutable_data()));
        return py::make_tuple(networks ? py::object(network) : py::none(), step, unit);
    }

    std::int64_t n_events() {
        const Use use(busy_);
        std::int64_t n = 0;
        for (const auto& store : bound_->events) n += store ? store->count() : 0;
        return n;
    }

  private:
    // Of one caller at a time: while steps are taken other threads of Python run.
    class Use {
      public:
        explicit Use(std::atomic<bool>& busy) : busy_(busy) {
            if (busy_.exchange(true)) throw std::runtime_error("the simulation is being taken on by another thread");
        }
        ~Use() { busy_ = false; }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;

      private:
        std::atomic<bool>& busy_;
    };

    std::unique_ptr<Bound> bound_;
    std::atomic<bool> busy_{false};
};

}  // namespace

void bind_spiking(py::module_& m) {
    py::class_<BoundSimulation>(m, "Simulation",
                                "Spiking networks about to be simulated from step `first` to `last`. Everything given "
                                "is looked at here and held; see simulator/simulate.hpp and bindings/simulation.hpp.")
        .def(py::init<const std::string&, const py::array&, const py::array&, const py::dict&, const py::array&,
                      const std::vector<BoundTerm>&, std::uint64_t, double, std::int64_t, std::int64_t,
                      const std::vector<BoundRecord>&, std::int64_t, int, std::int64_t>(),
             py::kw_only(), py::arg("model"), py::arg("parameters"), py::arg("state"), py::arg("wiring"),
             py::arg("ids"), py::arg("drive"), py::arg("seed"), py::arg("dt_ms"), py::arg("first"), py::arg("last"),
             py::arg("record"), py::arg("record_from"), py::arg("n_threads"), py::arg("units_per_thread"))
        .def("take", &BoundSimulation::take, py::arg("begin"), py::arg("end"),
             "Take the steps [begin, end), writing their rows of what is recorded and what is remembered.\n"
             "Gives None, or (network index, unit, step) where a state was first not finite.")
        .def("n_events", &BoundSimulation::n_events, "How many spikes are listed so far, for all of the records.")
        .def("events", &BoundSimulation::events, py::arg("record"), py::arg("networks"),
             "Give the spikes listed so far for one of the records, network by network, and forget them: (network or "
             "None, step, unit), the unit as its place among those recorded.");
}

}  // namespace synfer
