// The simulator's kernels. Compiled once per instruction level (CMakeLists.txt), each in its own namespace: see
// common/level.hpp for what may not be used here. Loops over `e` run across the units of several networks laid side
// by side and are written so that the compiler vectorises them.
#include "common/gaussian.hpp"
#include "common/philox.hpp"
#include "simulator/neurons/izhikevich.hpp"
#include "simulator/simulate.hpp"
#include "simulator/synapses/delta.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

constexpr std::int64_t chunk_steps = 32;  // steps whose drive is made at once: enough to amortise, few enough for L1
constexpr std::uint32_t drive_stream = 0;

template <class T>
constexpr std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(T));

template <class T>
constexpr std::int64_t padded(std::int64_t n) {
    return (n + lanes<T> - 1) / lanes<T> * lanes<T>;
}

// Memory handed out front to back, in pieces aligned to 64 bytes; with no memory it measures what would be needed.
struct Workspace {
    char* memory;
    std::size_t used = 0;

    template <class T>
    T* take(std::int64_t count) {
        T* piece = memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + used);
        used += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
        return piece;
    }
};

// Some networks [first, first + count) of a simulation, side by side: element e = network * n_units + unit, and padding
// up to a whole number of vectors. The padding has parameters, state and drive 0 and is never recorded or delivered.
template <class T, template <class> class Model>
struct Group {
    static constexpr std::int64_t n_parameters = sizeof(Model<T>::parameters) / sizeof(Described);
    static constexpr std::int64_t n_states = sizeof(Model<T>::states) / sizeof(Described);
    static_assert(n_states <= max_states);

    const Simulation<T>& s;
    std::int64_t first, count, n, width;
    T* parameters;               // (parameter, element)
    T* state;                    // (state, element)
    T* saved_state;              // (state, element), at the start of the chunk
    T* columns;                  // (network, source, target)
    T* drive;                    // (chunk step, element)
    T* trace;                    // (element): 0 while every state was finite, else NaN
    std::uint8_t* spikes;        // (element)
    std::uint32_t *ids, *units;  // (element)

    Group(const Simulation<T>& simulation, std::int64_t first_network, std::int64_t networks, Workspace& workspace)
        : s(simulation), first(first_network), count(networks), n(s.n_units), width(padded<T>(networks * s.n_units)) {
        parameters = workspace.take<T>(n_parameters * width);
        state = workspace.take<T>(n_states * width);
        saved_state = workspace.take<T>(n_states * width);
        columns = workspace.take<T>(count * n * n);
        drive = workspace.take<T>(chunk_steps * width);
        trace = workspace.take<T>(width);
        spikes = workspace.take<std::uint8_t>(width);
        ids = workspace.take<std::uint32_t>(width);
        units = workspace.take<std::uint32_t>(width);
    }

    // rows (row, element) from blocks (network, row, unit) of the networks here
    static void gather(const T* blocks, std::int64_t n_rows, std::int64_t count, std::int64_t n, std::int64_t width,
                       T* rows) {
        for (std::int64_t r = 0; r < n_rows; ++r) {
            T* row = rows + r * width;
            for (std::int64_t g = 0; g < count; ++g) {
                const T* block = blocks + (g * n_rows + r) * n;
                for (std::int64_t i = 0; i < n; ++i) row[g * n + i] = block[i];
            }
            for (std::int64_t e = count * n; e < width; ++e) row[e] = T(0);
        }
    }

    void load() {
        gather(s.parameters + first * n_parameters * n, n_parameters, count, n, width, parameters);
        gather(s.state + first * n_states * n, n_states, count, n, width, state);
        for (std::int64_t g = 0; g < count; ++g) {
            const T* weights = s.weights + (first + g) * n * n;
            T* to = columns + g * n * n;
            for (std::int64_t source = 0; source < n; ++source) {
                for (std::int64_t target = 0; target < n; ++target)
                    to[source * n + target] = weights[target * n + source];
            }
        }
        for (std::int64_t e = 0; e < width; ++e) {
            const bool real = e < count * n;
            ids[e] = real ? s.ids[first + e / n] : 0;
            units[e] = real ? static_cast<std::uint32_t>(e % n) : 0;
            trace[e] = T(0);
        }
        mark_spikes();
    }

    void store() const {
        for (std::int64_t r = 0; r < n_states; ++r) {
            for (std::int64_t e = 0; e < count * n; ++e) {
                s.state[((first + e / n) * n_states + r) * n + e % n] = state[r * width + e];
            }
        }
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

    // Rows of `drive` for the steps [step, step + chunk_steps), step a multiple of chunk_steps.
    void make_drive(std::int64_t step) {
        if (s.drive == nullptr) {
            draw_drive(step);
            for (std::int64_t r = 0; r < chunk_steps; ++r) {
                for (std::int64_t e = count * n; e < width; ++e) drive[r * width + e] = T(0);
            }
        } else {
            const std::int64_t last = step + chunk_steps < s.end ? step + chunk_steps : s.end;
            for (std::int64_t k = step < s.begin ? s.begin : step; k < last; ++k) {
                T* row = drive + (k - step) * width;
                for (std::int64_t g = 0; g < count; ++g) {
                    const T* given = s.drive + (first + g) * s.drive_stride + k * n;
                    for (std::int64_t i = 0; i < n; ++i) row[g * n + i] = given[i];
                }
                for (std::int64_t e = count * n; e < width; ++e) row[e] = T(0);
            }
        }
    }

    // One Philox block gives four words, two pairs of normal numbers, the drive of four steps.
    void draw_drive(std::int64_t step) {
        const std::uint32_t key0 = static_cast<std::uint32_t>(s.seed), key1 = static_cast<std::uint32_t>(s.seed >> 32);
        const T mean = s.mean, deviation = s.deviation;
        const std::uint32_t *id = ids, *unit = units;
        const std::int64_t w = width;
        for (std::int64_t r = 0; r < chunk_steps; r += 4) {
            const std::uint32_t block = static_cast<std::uint32_t>((step + r) / 4);
            T* __restrict__ row = drive + r * w;
#pragma omp simd
            for (std::int64_t e = 0; e < w; ++e) {
                const Words words = philox4x32({id[e], unit[e], block, drive_stream}, key0, key1);
                T z0, z1, z2, z3;
                box_muller(words.w0, words.w1, z0, z1);
                box_muller(words.w2, words.w3, z2, z3);
                row[e] = multiply_add(deviation, z0, mean);
                row[w + e] = multiply_add(deviation, z1, mean);
                row[2 * w + e] = multiply_add(deviation, z2, mean);
                row[3 * w + e] = multiply_add(deviation, z3, mean);
            }
        }
    }

    // Copies row (element) to row `step` of what is recorded of each network here.
    template <class U>
    void record(const U* __restrict__ row, U* recorded, std::int64_t step) const {
        const std::int64_t units = n, rows = s.n_steps, networks = count;
        U* __restrict__ to = recorded + (first * rows + step) * units;
        for (std::int64_t g = 0; g < networks; ++g, row += units, to += rows * units) {
#pragma omp simd
            for (std::int64_t i = 0; i < units; ++i) to[i] = row[i];
        }
    }

    void step_all(T* __restrict__ input, std::int64_t step) {
        if (s.recorded_drive != nullptr) record(input, s.recorded_drive, step);
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
        for (std::int64_t r = 0; r < n_states; ++r) {
            if (s.recorded[r] != nullptr) record(state + r * w, s.recorded[r], step);
        }
        if (s.spikes != nullptr) record(spikes, s.spikes, step);
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
        make_drive(chunk);
        for (std::int64_t k = begin; k < end; ++k) {
            step_all(drive + (k - chunk) * width, k);
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
            make_drive(chunk);
            for (std::int64_t k = begin; k < end; ++k) step_all(drive + (k - chunk) * width, k);
            if (diverged()) return locate(chunk, begin, end);
        }
        store();
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

template <class T>
void gaussian(std::uint64_t seed, std::uint32_t id, std::uint32_t unit, std::int64_t count, T* out) {
    const std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
    for (std::int64_t k = 0; k < count; k += 4) {
        const Words words = philox4x32({id, unit, static_cast<std::uint32_t>(k / 4), drive_stream}, key0, key1);
        T z[4];
        box_muller(words.w0, words.w1, z[0], z[1]);
        box_muller(words.w2, words.w3, z[2], z[3]);
        for (std::int64_t i = 0; i < 4 && k + i < count; ++i) out[k + i] = z[i];
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
