// The CUDA twins of the simulator's kernels, and their launches. Compiled where there is a CUDA compiler, in a
// namespace of its own like an instruction level; nothing here allocates or waits for the device.
#include <cuda_runtime.h>

#include <cstring>

#include "simulator/cuda/quads.hpp"
#include "simulator/cuda/rate.hpp"
#include "simulator/cuda/spiking.hpp"
#include "simulator/neurons/izhikevich.hpp"
#include "simulator/neurons/lif.hpp"
#include "simulator/rates/leaky.hpp"
#include "simulator/rates/map.hpp"
#include "simulator/synapses/filters.hpp"

namespace synfer::cuda {
namespace {

constexpr int most_numbers = 16;  // parameters or coefficients of a model

template <class L>
struct Kernel {
    void (*by_weights[3])(L);  // in the order of Weights; null where there is none
    void (*quads)(L);
    void (*delayed_quads)(L);
};

struct SpikingModel {
    const char* name;
    int n_parameters, n_coefficients;
    void (*prepare)(const double*, double, double*);
    double (*membrane)(const double*);
    Kernel<SpikingLaunch<float>> delta, exponential;
};
struct RateModel {
    const char* name;
    Kernel<RateLaunch<float>> kernel;
};

template <template <class> class M, template <class> class S>
Kernel<SpikingLaunch<float>> spiking_kernel() {
    return {{simulate_spiking<float, M, S, false>, simulate_spiking<float, M, S, true>, nullptr},
            simulate_quads<float, M, S, false>,
            simulate_quads<float, M, S, true>};
}

template <template <class> class M>
SpikingModel spiking() {
    using Given = M<float>;
    return {Given::name,
            sizeof(Given::parameters) / sizeof(Described),
            Given::n_coefficients,
            Given::prepare,
            Given::membrane,
            spiking_kernel<M, UnitDelta>(),
            spiking_kernel<M, UnitExponential>()};
}

template <template <class, template <class> class> class M, template <class> class F>
RateModel rate() {
    using Given = M<float, F>;
    return {
        Given::name,
        {{simulate_rates<float, Given, Weights::in_global_memory>,
          simulate_rates<float, Given, Weights::in_shared_memory>, simulate_rates<float, Given, Weights::in_registers>},
         nullptr,
         nullptr}};
}

const SpikingModel all_spiking[] = {spiking<Izhikevich>(), spiking<Lif>()};
const RateModel all_rates[] = {rate<Leaky, Tanh>(), rate<Leaky, Sigmoid>(), rate<Leaky, Relu>(), rate<Leaky, Linear>(),
                               rate<Map, Tanh>(),   rate<Map, Sigmoid>(),   rate<Map, Relu>(),   rate<Map, Linear>()};

template <class M, int n>
const M* named(const M (&models)[n], const char* name) {
    for (const M& model : models) {
        if (std::strcmp(model.name, name) == 0) return &model;
    }
    return nullptr;
}

template <class L>
const char* launch(const Kernel<L>& kernel, const L& told, bool delayed, const Plan& plan, int device, void* stream) {
    const auto entry = plan.units_per_thread == 4 ? (delayed ? kernel.delayed_quads : kernel.quads)
                                                  : kernel.by_weights[static_cast<int>(plan.weights)];
    int before = 0;  // in force again afterwards: others in the process count on it
    cudaError_t error = cudaGetDevice(&before);
    if (error == cudaSuccess) error = cudaSetDevice(device);
    if (error == cudaSuccess) {
        error = cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(plan.shared_bytes));
    }
    if (error == cudaSuccess) {
        L arguments = told;
        void* pointers[] = {&arguments};
        error =
            cudaLaunchKernel(entry, dim3(static_cast<unsigned>(plan.blocks)), dim3(static_cast<unsigned>(plan.threads)),
                             pointers, static_cast<std::size_t>(plan.shared_bytes), static_cast<cudaStream_t>(stream));
    }
    if (before != device) cudaSetDevice(before);
    if (error == cudaSuccess) return nullptr;
    cudaGetLastError();  // forgotten, or the next call would be blamed for it
    return cudaGetErrorString(error);
}

int attribute(cudaDeviceAttr which, int device) {
    int value = 0;
    return cudaDeviceGetAttribute(&value, which, device) == cudaSuccess ? value : 0;
}

}  // namespace

const char* const spiking_models[] = {Izhikevich<float>::name, Lif<float>::name, nullptr};
const char* const rate_models[] = {Tanh<float>::leaky,   Sigmoid<float>::leaky, Relu<float>::leaky,
                                   Linear<float>::leaky, Tanh<float>::map,      Sigmoid<float>::map,
                                   Relu<float>::map,     Linear<float>::map,    nullptr};

Limits limits_of(int device) {
    return {attribute(cudaDevAttrMultiProcessorCount, device),
            attribute(cudaDevAttrMaxThreadsPerMultiProcessor, device),
            attribute(cudaDevAttrMaxBlocksPerMultiprocessor, device),
            attribute(cudaDevAttrMaxRegistersPerMultiprocessor, device),
            attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
            attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor, device)};
}

int n_parameters(const char* model) {
    const SpikingModel* found = named(all_spiking, model);
    return found == nullptr ? 0 : found->n_parameters;
}

int n_coefficients(const char* model) {
    const SpikingModel* found = named(all_spiking, model);
    return found == nullptr ? 0 : found->n_coefficients;
}

void prepare_coefficients(const char* name, const float* parameters, std::int64_t n_networks, std::int64_t n_units,
                          double dt, float* coefficients) {
    const SpikingModel& model = *named(all_spiking, name);
    double p[most_numbers], k[most_numbers];
    for (std::int64_t network = 0; network < n_networks; ++network) {
        for (std::int64_t i = 0; i < n_units; ++i) {
            const float* given = parameters + network * model.n_parameters * n_units + i;
            float* made = coefficients + network * model.n_coefficients * n_units + i;
            for (int r = 0; r < model.n_parameters; ++r) p[r] = static_cast<double>(given[r * n_units]);
            model.prepare(p, dt, k);
            for (int r = 0; r < model.n_coefficients; ++r) made[r * n_units] = static_cast<float>(k[r]);
        }
    }
}

void prepare_factors(const char* name, const float* parameters, std::int64_t n_networks, std::int64_t n_units,
                     double dt, const double* tau, float* factors) {
    const SpikingModel& model = *named(all_spiking, name);
    double p[most_numbers];
    for (std::int64_t network = 0; network < n_networks; ++network) {
        for (std::int64_t i = 0; i < n_units; ++i) {
            const float* given = parameters + network * model.n_parameters * n_units + i;
            for (int r = 0; r < model.n_parameters; ++r) p[r] = static_cast<double>(given[r * n_units]);
            for (int r = 0; r < 2; ++r)
                factors[(network * 2 + r) * n_units + i] =
                    static_cast<float>(exponential_factor(tau[r], model.membrane(p), dt));
        }
    }
}

const char* launch_spiking(const char* model, const SpikingLaunch<float>& told, const Plan& plan, int device,
                           void* stream) {
    const SpikingModel& found = *named(all_spiking, model);
    return launch(told.exponential ? found.exponential : found.delta, told, told.delay > 1, plan, device, stream);
}

const char* launch_rates(const char* model, const RateLaunch<float>& told, const Plan& plan, int device, void* stream) {
    return launch(named(all_rates, model)->kernel, told, false, plan, device, stream);
}

}  // namespace synfer::cuda
