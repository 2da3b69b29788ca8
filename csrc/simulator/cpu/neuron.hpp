#pragma once
#include "common/gaussian.hpp"
#include "simulator/cpu/layout.hpp"
#include "simulator/simulate.hpp"

// What the kernels of spiking networks need of a neuron model, as functions of a block of units: so that the rest is
// compiled once, and not once a model. A model is a header in ../neurons. Its step takes v from one sample to the next
// and says whether that shows a spike; `jumping`, synapses move v at its end, before it is held against the threshold.

namespace synfer::SYNFER_LEVEL {

constexpr std::int64_t block_units = 512;  // a block's rows lie in the first-level cache
constexpr int max_coefficients = 16;

// Some units side by side, a whole number of vectors, that take a step. The coefficients' rows hold n_units values each
// and may be the same memory, where all units have one value.
template <class T>
struct NeuronBlock {
    std::int64_t n;
    T* state;  // (state, unit), the states `stride` apart
    std::int64_t stride;
    const T* coefficients[max_coefficients];  // (coefficient)(unit)
    const T *input, *beside;                  // (unit); beside the input a conductance or a jump, or nothing
    const std::uint32_t* words;               // (unit) of a random model
    T dt;
    typename FloatBits<T>::Int* fired;  // (unit): 1 where the step ends with a spike
};

template <class T>
struct NeuronKernels {
    int n_states, n_coefficients, n_parameters;
    bool random;
    void (*prepare)(const double* parameters, double dt, double* coefficients);
    double (*membrane)(const double* parameters);  // time constant (ms) that filters the input, 0: there is none
    bool (*step)(const NeuronBlock<T>&);           // whether all states are finite
    bool (*step_conducting)(const NeuronBlock<T>&);
    bool (*step_jumping)(const NeuronBlock<T>&);  // null where there is no v to jump
    void (*fired)(const NeuronBlock<T>&);         // whether the state, as it is given, shows a spike
};

template <class T, template <class> class Model, bool conducts, bool jumps>
bool step_block(const NeuronBlock<T>& b) {
    constexpr int n_states = sizeof(Model<T>::states) / sizeof(Described);
    const T* k[Model<T>::n_coefficients];
    for (int i = 0; i < Model<T>::n_coefficients; ++i) k[i] = b.coefficients[i];
    T* __restrict__ x = b.state;
    const T* __restrict__ input = b.input, * __restrict__ beside = b.beside;
    const std::uint32_t* __restrict__ words = b.words;
    typename FloatBits<T>::Int* __restrict__ fired = b.fired;
    const std::int64_t n = b.n, stride = b.stride;
    const T dt = b.dt;
    // The bits of every state times 0: of 0 or -0 while they are finite, else of NaN, too. (A sum of them would do, but
    // of floating point it must be made lane after lane.)
    typename FloatBits<T>::Int trace = 0;
#pragma omp simd reduction(| : trace)
    for (std::int64_t e = 0; e < n; ++e) {
        const Model<T> neuron = Model<T>::load(k, e);
        const T conductance = conducts ? beside[e] : T(0);
        const std::uint32_t word = Model<T>::random ? words[e] : 0u;
        bool spikes;
        if constexpr (jumps) {
            spikes = Model<T>::template step<false, true>(neuron, x + e, stride, dt, input[e], T(0), word, beside[e]);
        } else {
            spikes = Model<T>::template step<conducts>(neuron, x + e, stride, dt, input[e], conductance, word);
        }
        T zero = x[e] * T(0);
        for (int r = 1; r < n_states; ++r) zero = multiply_add(x[r * stride + e], T(0), zero);
        typename FloatBits<T>::Int bits;
        __builtin_memcpy(&bits, &zero, sizeof bits);
        trace |= bits;
        fired[e] = spikes;
    }
    constexpr std::int64_t all_but_the_sign = sizeof(T) == sizeof(float) ? 0x7fffffff : 0x7fffffffffffffff;
    return (trace & all_but_the_sign) == 0;
}

template <class T, template <class> class Model>
void fired_block(const NeuronBlock<T>& b) {
    const T* k[Model<T>::n_coefficients];
    for (int i = 0; i < Model<T>::n_coefficients; ++i) k[i] = b.coefficients[i];
    for (std::int64_t e = 0; e < b.n; ++e) b.fired[e] = Model<T>::fired(Model<T>::load(k, e), b.state + e, b.stride);
}

template <class T, template <class> class Model>
constexpr bool (*jumping_step())(const NeuronBlock<T>&) {
    if constexpr (Model<T>::jumps) {
        return step_block<T, Model, false, true>;
    } else {
        return nullptr;
    }
}

template <class T, template <class> class Model>
constexpr NeuronKernels<T> neuron_kernels = {sizeof(Model<T>::states) / sizeof(Described),
                                             Model<T>::n_coefficients,
                                             sizeof(Model<T>::parameters) / sizeof(Described),
                                             Model<T>::random,
                                             Model<T>::prepare,
                                             Model<T>::membrane,
                                             step_block<T, Model, false, false>,
                                             step_block<T, Model, true, false>,
                                             jumping_step<T, Model>(),
                                             fired_block<T, Model>};

// (network, state, unit) at rest, from parameters (network, parameter, unit)
template <class T, template <class> class Model>
void initialise_all(const Simulation<T>& s) {
    constexpr int n_parameters = sizeof(Model<T>::parameters) / sizeof(Described);
    constexpr int n_states = sizeof(Model<T>::states) / sizeof(Described);
    static_assert(n_states <= max_states && Model<T>::n_coefficients <= max_coefficients);
    const std::int64_t n = s.n_units;
    for (std::int64_t k = 0; k < s.n_networks; ++k) {
        for (std::int64_t i = 0; i < n; ++i) {
            double p[n_parameters], x[n_states];
            for (int r = 0; r < n_parameters; ++r)
                p[r] = static_cast<double>(s.parameters[(k * n_parameters + r) * n + i]);
            Model<T>::initialise(p, x);
            for (int r = 0; r < n_states; ++r) s.state[(k * n_states + r) * n + i] = static_cast<T>(x[r]);
        }
    }
}

}  // namespace synfer::SYNFER_LEVEL
