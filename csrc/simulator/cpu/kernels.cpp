// The simulator's kernels. Compiled once per instruction level (CMakeLists.txt), each in its own namespace: see
// common/level.hpp for what may not be used here. Loops over `e` run across the units of several networks laid side
// by side and are written so that the compiler vectorises them.
#include "simulator/cpu/drive.hpp"
#include "simulator/cpu/layout.hpp"
#include "simulator/cpu/recording.hpp"
#include "simulator/neurons/izhikevich.hpp"
#include "simulator/simulate.hpp"
#include "simulator/synapses/delta.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

// Some networks [first, first + count) of a simulation, side by side. The padding has parameters, state and drive 0.
template <class T, template <class> class Model>
struct Group {
    static constexpr std::int64_t n_parameters = sizeof(Model<T>::parameters) / sizeof(Described);
    static constexpr std::int64_t n_states = sizeof(Model<T>::states) / sizeof(Described);
    static_assert(n_states <= max_states);

    const Simulation<T>& s;
    Elements elements;
    DriveRows<T> drive;
    std::int64_t first, count, n, width;
    T* parameters;         // (parameter, element)
    T* state;              // (state, element)
    T* saved_state;        // (state, element), at the start of the chunk
    T* columns;            // (network, source, target)
    T* trace;              // (element): 0 while every state was finite, else NaN
    std::uint8_t* spikes;  // (element)
    std::uint8_t* counts;  // (element): spikes since the last row recorded

    Group(const Simulation<T>& simulation, std::int64_t first_network, std::int64_t networks, Workspace& workspace)
        : s(simulation),
          elements(Elements::of<T>(first_network, networks, 0, simulation.n_units, simulation.n_units, workspace)),
          drive(simulation.drive, elements, workspace),
          first(first_network),
          count(networks),
          n(simulation.n_units),
          width(elements.width) {
        parameters = workspace.take<T>(n_parameters * width);
        state = workspace.take<T>(n_states * width);
        saved_state = workspace.take<T>(n_states * width);
        columns = workspace.take<T>(count * n * n);
        trace = workspace.take<T>(width);
        spikes = workspace.take<std::uint8_t>(width);
        counts = workspace.take<std::uint8_t>(width);
    }

    void load() {
        elements.load_ids(s.drive.ids);
        drive.load();
        elements.gather(s.parameters, n_parameters, parameters);
        elements.gather(static_cast<const T*>(s.state), n_states, state);
        for (std::int64_t g = 0; g < count; ++g) {
            const T* weights = s.weights + (first + g) * n * n;
            T* to = columns + g * n * n;
            for (std::int64_t source = 0; source < n; ++source) {
                for (std::int64_t target = 0; target < n; ++target)
                    to[source * n + target] = weights[target * n + source];
            }
        }
        for (std::int64_t e = 0; e < width; ++e) trace[e] = T(0), counts[e] = 0;
        mark_spikes();
    }

    // Stores of bytes may alias anything, members too: the loops that make them work on local copies.
    void mark_spikes() {
        const T* __restrict__ p = parameters;
        const T* __restrict__ x = state;
        std::uint8_t* __restrict__ mark = spikes;
        const std::int64_t w = width;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) mark[e] = Model<T>::spikes(Model<T>::load(p + e, w), x + e, w);
    }

    template <class U>
    void record(const U* values, U* recorded, std::int64_t row) const {
        if (recorded != nullptr) record_row(elements, values, recorded, s.recorded.n_rows, row);
    }

    // What step k has done, where it is asked for.
    void record_step(std::int64_t k) {
        const std::int64_t row = row_of_step(s.recorded, k);
        if (s.recorded.raster != nullptr && k >= s.recorded.raster_from)
            record_row(elements, spikes, s.recorded.raster, s.recorded.n_raster_rows, k - s.recorded.raster_from);
        if (s.recorded.spikes != nullptr && s.recorded.every > 1 && k >= s.recorded.from) {
            const std::uint8_t* __restrict__ mark = spikes;
            std::uint8_t* __restrict__ count = counts;
            const std::int64_t w = width;
#pragma omp simd
            for (std::int64_t e = 0; e < w; ++e) count[e] = static_cast<std::uint8_t>(count[e] + mark[e]);
        }
        if (row < 0) return;
        for (std::int64_t r = 0; r < n_states; ++r) record(state + r * width, s.recorded.states[r], row);
        if (s.recorded.every == 1) return record(spikes, s.recorded.spikes, row);
        record(counts, s.recorded.spikes, row);
        for (std::int64_t e = 0; e < width; ++e) counts[e] = 0;
    }

    void step_all(T* __restrict__ input, std::int64_t step) {
        const std::int64_t row = s.recorded.drive == nullptr ? -1 : row_of_step(s.recorded, step);
        if (row >= 0) record(input, s.recorded.drive, row);
        for (std::int64_t g = 0; g < count; ++g) {
            deliver_delta(columns + g * n * n, spikes + g * n, n, input + g * n);
        }
        const T* __restrict__ p = parameters;
        T* __restrict__ x = state;
        T* __restrict__ finite = trace;
        const std::int64_t w = width;
        const T dt = s.dt;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) {
            const Model<T> neuron = Model<T>::load(p + e, w);
            Model<T>::step(neuron, x + e, w, dt, input[e]);
            T t = finite[e];
            for (std::int64_t r = 0; r < n_states; ++r) t = multiply_add(x[r * w + e], T(0), t);
            finite[e] = t;
        }
        mark_spikes();
        record_step(step);
    }

    bool diverged() const {
        T sum = T(0);
        for (std::int64_t e = 0; e < count * n; ++e) sum += trace[e];
        return sum != T(0);  // true of NaN
    }

    void copy_state(const T* from, T* to) const {
        for (std::int64_t i = 0; i < n_states * width; ++i) to[i] = from[i];
    }

    // Takes the steps [begin, end) of the chunk again, one by one, to find where a state left the finite numbers.
    Divergence locate(std::int64_t chunk, std::int64_t begin, std::int64_t end) {
        copy_state(saved_state, state);
        mark_spikes();
        for (std::int64_t e = 0; e < width; ++e) trace[e] = T(0);
        drive.restore();
        drive.make(chunk, begin, end);
        for (std::int64_t k = begin; k < end; ++k) {
            step_all(drive.rows + (k - chunk) * width, k);
            for (std::int64_t e = 0; e < count * n; ++e) {
                if (trace[e] != T(0)) return {first + e / n, e % n, k};
            }
        }
        return {-1, 0, 0};
    }

    Divergence run() {
        load();
        for (std::int64_t chunk = s.begin / chunk_steps * chunk_steps; chunk < s.end; chunk += chunk_steps) {
            const std::int64_t begin = chunk < s.begin ? s.begin : chunk;
            const std::int64_t end = chunk + chunk_steps < s.end ? chunk + chunk_steps : s.end;
            copy_state(state, saved_state);
            drive.save();
            drive.make(chunk, begin, end);
            for (std::int64_t k = begin; k < end; ++k) step_all(drive.rows + (k - chunk) * width, k);
            if (diverged()) return locate(chunk, begin, end);
        }
        elements.scatter(state, n_states, s.state);
        drive.store();
        return {-1, 0, 0};
    }
};

template <class T, template <class> class Model>
std::size_t workspace_bytes(const Simulation<T>& s, std::int64_t count) {
    Workspace workspace{nullptr};
    Group<T, Model>(s, 0, count, workspace);
    return workspace.used;
}

template <class T, template <class> class Model>
Divergence simulate_networks(const Simulation<T>& s, std::int64_t first, std::int64_t count, void* memory) {
    Workspace workspace{static_cast<char*>(memory)};
    return Group<T, Model>(s, first, count, workspace).run();
}

template <class T, template <class> class Model>
void initialise(const Simulation<T>& s) {
    constexpr std::int64_t n_parameters = Group<T, Model>::n_parameters, n_states = Group<T, Model>::n_states;
    for (std::int64_t k = 0; k < s.n_networks; ++k) {
        for (std::int64_t i = 0; i < s.n_units; ++i) {
            const Model<T> neuron = Model<T>::load(s.parameters + k * n_parameters * s.n_units + i, s.n_units);
            Model<T>::initialise(neuron, s.state + k * n_states * s.n_units + i, s.n_units);
        }
    }
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
constexpr Kernels<T> kernels = {workspace_bytes<T, Model>, simulate_networks<T, Model>, initialise<T, Model>};

template <template <class> class M>
constexpr Model registered = {M<float>::name,    M<float>::parameters,      Group<float, M>::n_parameters,
                              M<float>::states,  Group<float, M>::n_states, kernels<float, M>,
                              kernels<double, M>};

constexpr Model models[] = {
    registered<Izhikevich>,
};

}  // namespace

extern const SimulatorLevel simulator;
const SimulatorLevel simulator = {models, sizeof(models) / sizeof(Model), gaussian<float>, gaussian<double>, philox};

}  // namespace synfer::SYNFER_LEVEL
