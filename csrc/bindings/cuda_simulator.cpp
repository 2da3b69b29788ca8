// The simulator on CUDA devices: memory is the caller's (torch's), handed over by address.
#include <pybind11/stl.h>

#include <array>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "simulator/cuda/launch.hpp"

namespace py = pybind11;

namespace synfer {
namespace {

using cuda::Limits;
using cuda::Plan;

py::dict shown(const Plan& plan) {
    py::dict all;
    all["networks_per_block"] = plan.networks_per_block, all["threads"] = plan.threads, all["blocks"] = plan.blocks;
    all["shared_bytes"] = plan.shared_bytes,
    all["weights"] = std::array{"global", "shared", "registers"}[static_cast<std::size_t>(plan.weights)];
    all["units_per_thread"] = plan.units_per_thread;
    return all;
}

// units_per_thread: 1, 4 where a network then fits into a warp, or 0 for the quicker
Plan checked_plan(std::int64_t n_networks, std::int64_t n_units, bool spiking, const Limits& limits,
                  int units_per_thread) {
    if (n_networks < 1 || n_units < 1 || n_units > cuda::most_units) throw py::value_error("not 1 to 1024 units");
    if (limits.processors < 1) throw py::value_error("a device without processors");
    if (spiking && units_per_thread != 1) {
        const Plan quads = cuda::plan_quads(n_networks, n_units, limits);
        const bool fits = quads.networks_per_block != 0;
        if (fits && (units_per_thread == 4 || cuda::prefers_quads(quads, n_units, limits))) return quads;
    }
    return spiking ? cuda::plan_spiking(n_networks, n_units, limits) : cuda::plan_rates(n_networks, n_units, limits);
}

using SixLimits = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
Limits limits_in(const SixLimits& given) {
    const auto [processors, threads, blocks, registers, shared_per_block, shared] = given;
    return {processors, threads, blocks, registers, shared_per_block, shared};
}

#ifdef SYNFER_CUDA

std::vector<std::string> names_of(const char* const* names) {
    std::vector<std::string> all;
    for (; *names != nullptr; ++names) all.emplace_back(*names);
    return all;
}

void refuse_unknown(const std::string& model, const char* const* names) {
    for (; *names != nullptr; ++names) {
        if (model == *names) return;
    }
    throw py::key_error("no CUDA kernel of model '" + model + "'");
}

py::array coefficients(const std::string& model, const py::array& parameters, double dt_ms, int n_threads) {
    refuse_unknown(model, cuda::spiking_models);
    if (parameters.ndim() != 3) throw py::value_error("parameters is not (network, parameter, unit)");
    const auto networks = parameters.shape(0), units = parameters.shape(2);
    const Shape shape = {networks, cuda::n_parameters(model.c_str()), units};
    const float* given = data_of<float>(parameters, "parameters", shape, false);
    py::array_t<float> made({networks, py::ssize_t{cuda::n_coefficients(model.c_str())}, units});
    float* const all = made.mutable_data();
    if (n_threads < 1) throw py::value_error("n_threads < 1");
    // A share of the networks for each thread.
    const std::int64_t share = (networks + n_threads - 1) / n_threads, shares = (networks + share - 1) / share;
#pragma omp parallel for num_threads(n_threads) schedule(static)
    for (std::int64_t part = 0; part < shares; ++part) {
        const std::int64_t first = part * share, left = networks - first;
        cuda::prepare_coefficients(model.c_str(), given + first * shape[1] * units, left < share ? left : share, units,
                                   dt_ms, all + first * made.shape(1) * units);
    }
    return made;
}

using Two = std::pair<double, double>;

py::array factors(const std::string& model, const py::array& parameters, double dt_ms, const Two& tau_ms) {
    refuse_unknown(model, cuda::spiking_models);
    if (parameters.ndim() != 3) throw py::value_error("parameters is not (network, parameter, unit)");
    const auto networks = parameters.shape(0), units = parameters.shape(2);
    const Shape shape = {networks, cuda::n_parameters(model.c_str()), units};
    const float* given = data_of<float>(parameters, "parameters", shape, false);
    const double tau[2] = {tau_ms.first, tau_ms.second};
    py::array_t<float> made({networks, py::ssize_t{2}, units});
    cuda::prepare_factors(model.c_str(), given, networks, units, dt_ms, tau, made.mutable_data());
    return made;
}

constexpr std::int64_t most_steps = 1 << 30;  // of a launch

template <class T>
T* at(const py::dict& told, const char* name) {
    return reinterpret_cast<T*>(told[name].cast<std::uintptr_t>());
}

// (address, strides)
cuda::Numbers<float> numbers_in(const py::handle& given) {
    const auto [address, network, row, unit] =
        given.cast<std::tuple<std::uintptr_t, std::int64_t, std::int64_t, std::int64_t>>();
    return {reinterpret_cast<const float*>(address), network, row, unit};
}

void fill(cuda::Launch<float>& launch, const py::dict& told, const std::vector<std::string>& states) {
    launch.n_networks = told["n_networks"].cast<std::int64_t>(), launch.n_units = told["n_units"].cast<int>();
    launch.begin = told["begin"].cast<std::int64_t>(), launch.end = told["end"].cast<std::int64_t>();
    if (launch.begin < 0 || launch.end <= launch.begin) throw py::value_error("not 0 <= begin < end");
    if (launch.end - launch.begin > most_steps) throw py::value_error("too many steps for a launch");
    launch.dt = static_cast<float>(told["dt"].cast<double>());
    launch.weights = at<const float>(told, "weights");
    launch.parameters = numbers_in(told["parameters"]);
    launch.state = at<float>(told, "state");
    launch.drive = {told["driven"].cast<bool>(), told["draws"].cast<bool>(), numbers_in(told["drive"]),
                    told["seed"].cast<std::uint64_t>(), at<const std::uint32_t>(told, "ids")};
    launch.diverged = at<unsigned long long>(told, "diverged");
    Recorded<float>& recorded = launch.recorded;
    recorded.from = told["record_from"].cast<std::int64_t>(), recorded.every = told["every"].cast<std::int64_t>();
    recorded.n_rows = told["n_rows"].cast<std::int64_t>();
    if (recorded.every < 1) throw py::value_error("every < 1");
    for (const auto& [name, address] : told["record"].cast<std::map<std::string, std::uintptr_t>>()) {
        if (name == "spikes") {
            recorded.spikes = reinterpret_cast<std::uint8_t*>(address);
        } else if (name == "drive") {
            recorded.drive = reinterpret_cast<float*>(address);
        } else {
            std::size_t state = 0;
            while (state < states.size() && name != states[state]) ++state;
            if (state == states.size()) throw py::key_error("no signal '" + name + "'");
            recorded.states[state] = reinterpret_cast<float*>(address);
        }
    }
}

void simulate(const std::string& model, bool spiking, const std::vector<std::string>& states, const SixLimits& limits,
              int device, std::uintptr_t stream, const py::dict& told) {
    refuse_unknown(model, spiking ? cuda::spiking_models : cuda::rate_models);
    if (states.size() > max_states) throw py::value_error("too many states");
    cuda::SpikingLaunch<float> spikes{};
    cuda::RateLaunch<float> rates{};
    cuda::Launch<float>& launch = spiking ? static_cast<cuda::Launch<float>&>(spikes) : rates;
    fill(launch, told, states);
    const Plan plan = checked_plan(launch.n_networks, launch.n_units, spiking, limits_in(limits),
                                   told["units_per_thread"].cast<int>());
    launch.networks_per_block = static_cast<int>(plan.networks_per_block);
    const char* error = nullptr;
    if (spiking) {
        spikes.fresh = told["fresh"].cast<bool>(), spikes.delay = told["delay"].cast<std::int64_t>();
        if (spikes.delay < 1) throw py::value_error("delay < 1");
        spikes.received = at<float>(told, "received"), spikes.pending = at<float>(told, "pending");
        spikes.exponential = told["exponential"].cast<bool>();
        if (spikes.exponential) {
            const auto [tau0, tau1] = told["tau_ms"].cast<Two>();
            const auto dt = static_cast<double>(launch.dt);
            spikes.decay[0] = static_cast<float>(std::exp(-dt / tau0));
            spikes.decay[1] = static_cast<float>(std::exp(-dt / tau1));
            spikes.factors = numbers_in(told["factors"]);
        }
        error = cuda::launch_spiking(model.c_str(), spikes, plan, device, reinterpret_cast<void*>(stream));
    } else {
        rates.noisy = told["noisy"].cast<bool>();
        error = cuda::launch_rates(model.c_str(), rates, plan, device, reinterpret_cast<void*>(stream));
    }
    if (error != nullptr) throw std::runtime_error(std::string("CUDA: ") + error);
}

#endif

}  // namespace

void bind_cuda_simulator(py::module_& m) {
    m.attr("cuda_most_units") = cuda::most_units;
    m.def(
        "cuda_plan",
        [](std::int64_t n_networks, std::int64_t n_units, bool spiking, const SixLimits& limits, int units_per_thread) {
            return shown(checked_plan(n_networks, n_units, spiking, limits_in(limits), units_per_thread));
        },
        py::arg("n_networks"), py::arg("n_units"), py::arg("spiking"), py::arg("limits"),
        py::arg("units_per_thread") = 0,
        "How a batch is cut into blocks of threads, on a device of these `limits` (simulator/cuda/launch.hpp).");
#ifdef SYNFER_CUDA
    m.attr("cuda_spiking_models") = names_of(cuda::spiking_models);
    m.attr("cuda_rate_models") = names_of(cuda::rate_models);
    m.def(
        "cuda_limits",
        [](int device) {
            const Limits l = cuda::limits_of(device);
            return SixLimits{l.processors,           l.threads_per_processor,
                             l.blocks_per_processor, l.registers_per_processor,
                             l.shared_per_block,     l.shared_per_processor};
        },
        py::arg("device"), "What a device offers: see simulator/cuda/launch.hpp.");
    m.def("cuda_coefficients", &coefficients, py::arg("model"), py::arg("parameters"), py::arg("dt_ms"),
          py::arg("n_threads") = 1,
          "(network, coefficient, unit) of a spiking model from (network, parameter, unit), float32.");
    m.def("cuda_factors", &factors, py::arg("model"), py::arg("parameters"), py::arg("dt_ms"), py::arg("tau_ms"),
          "(network, receptor, unit) of exponential synapses from (network, parameter, unit), float32.");
    m.def(
        "cuda_simulate", &simulate, py::arg("model"), py::arg("spiking"), py::arg("states"), py::arg("limits"),
        py::arg("device"), py::arg("stream"), py::arg("told"),
        "Launch the steps [begin, end) on a stream; `told` holds the fields of a Launch, arrays by their addresses on "
        "the device.");
#else
    // The same names, so that whoever asks need not know how this was built.
    m.attr("cuda_spiking_models") = std::vector<std::string>();
    m.attr("cuda_rate_models") = std::vector<std::string>();
#endif
}

}  // namespace synfer
