// The models of spiking neurons that the simulator has. Compiled once per instruction level (CMakeLists.txt), each in
// its own namespace: see common/level.hpp for what may not be used here.
#include "simulator/cpu/draws.hpp"
#include "simulator/cpu/neuron.hpp"
#include "simulator/cpu/spiking.hpp"
#include "simulator/neurons/adex.hpp"
#include "simulator/neurons/escape_lif.hpp"
#include "simulator/neurons/fitzhugh_nagumo.hpp"
#include "simulator/neurons/hodgkin_huxley.hpp"
#include "simulator/neurons/hodgkin_huxley_cortical.hpp"
#include "simulator/neurons/izhikevich.hpp"
#include "simulator/neurons/lif.hpp"
#include "simulator/neurons/linear_nonlinear_poisson.hpp"
#include "simulator/neurons/poisson.hpp"
#include "simulator/simulate.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T, template <class> class Model>
std::size_t workspace_bytes(const Simulation<T>& s, std::int64_t count, int n_parts) {
    return spiking_bytes(neuron_kernels<T, Model>, s, count, n_parts);
}

template <class T, template <class> class Model>
Divergence simulate_networks(const Simulation<T>& s, std::int64_t first, std::int64_t count, const Team& team,
                             void* memory) {
    return simulate_spiking(neuron_kernels<T, Model>, s, first, count, team, memory);
}

void philox(const std::uint32_t* counters, const std::uint32_t* key, std::int64_t n, std::uint32_t* out) {
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) {
        const std::uint32_t* c = counters + 4 * i;
        const Words words = philox4x32({c[0], c[1], c[2], c[3]}, key[0], key[1]);
        out[4 * i] = words.w0, out[4 * i + 1] = words.w1, out[4 * i + 2] = words.w2, out[4 * i + 3] = words.w3;
    }
}

template <class T, template <class> class Model>
constexpr Kernels<T> kernels = {workspace_bytes<T, Model>, simulate_networks<T, Model>, initialise_all<T, Model>};

template <template <class> class M>
constexpr Model registered = {
    M<float>::name,
    M<float>::parameters,
    sizeof(M<float>::parameters) / sizeof(Described),
    M<float>::states,
    sizeof(M<float>::states) / sizeof(Described),
    M<float>::input_unit,
    M<float>::jumps,
    kernels<float, M>,
    kernels<double, M>,
};

constexpr Model models[] = {
    registered<Izhikevich>,     registered<Lif>,           registered<EscapeLif>,
    registered<AdEx>,           registered<HodgkinHuxley>, registered<HodgkinHuxleyCortical>,
    registered<FitzHughNagumo>, registered<Poisson>,       registered<LinearNonlinearPoisson>,
};

}  // namespace

extern const SimulatorLevel simulator;
const SimulatorLevel simulator = {models, sizeof(models) / sizeof(Model), gaussian<float>, gaussian<double>, philox};

}  // namespace synfer::SYNFER_LEVEL
