// The kernels of units without spikes. Compiled once per instruction level (CMakeLists.txt), each in its own namespace:
// see common/level.hpp for what may not be used here.
#include "simulator/cpu/dense_rows.hpp"
#include "simulator/cpu/drive.hpp"
#include "simulator/cpu/layout.hpp"
#include "simulator/cpu/recording.hpp"
#include "simulator/cpu/sparse_rows.hpp"
#include "simulator/rates.hpp"
#include "simulator/rates/leaky.hpp"
#include "simulator/rates/map.hpp"
#include "simulator/streams.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

// What the threads that simulate the networks of a share have in common: what each unit shows the others, in turn for
// the steps, so that nobody writes what another still reads (and one wait a step is enough); and what was not finite.
template <class T>
struct Common {
    std::int64_t width, n_slots;
    T* outputs;  // (slot, element); those of lag l before step k are in slot (k - l) mod n_slots
    T* traces;   // (2, element), of chunks in turn: 0 while every state was finite, else NaN

    Common(const RateSimulation<T>& s, const RateShare& share, Workspace& workspace)
        : width(padded<T>(share.count * s.n_units)), n_slots(s.n_lags + 1) {
        outputs = workspace.take<T>(n_slots * width);
        traces = workspace.take<T>(2 * width);
    }
    T* slot(std::int64_t step) const { return outputs + (step % n_slots + n_slots) % n_slots * width; }
};

// The units [from, to) of the networks of a share.
template <class T, class Model>
struct Units {
    static constexpr std::int64_t n_parameters = sizeof(Model::parameters) / sizeof(Described);

    const RateSimulation<T>& s;
    RateShare share;
    Barrier barrier;
    Common<T>& common;
    Elements elements;
    DriveRows<T> drive;
    DenseRows<T>* dense;    // (network)
    SparseRows<T>* sparse;  // (network)
    std::int64_t width;
    T *parameters, *x, *saved_x;  // (parameter, element), (element), (element)
    T* saved_outputs;             // (slot, element)
    T* coupling;                  // (element), and room for a last network's padding
    T* noise;                     // (chunk step, element)
    bool noisy;

    Units(const RateSimulation<T>& simulation, const RateShare& units, Barrier b, Common<T>& c, Workspace& workspace)
        : s(simulation),
          share(units),
          barrier(b),
          common(c),
          elements(Elements::of<T>(units.first, units.count, units.from, units.to - units.from, simulation.n_units,
                                   workspace)),
          drive(simulation.drive, elements, workspace),
          width(elements.width) {
        dense = workspace.take<DenseRows<T>>(s.weights == nullptr ? 0 : share.count);
        sparse = workspace.take<SparseRows<T>>(s.weights == nullptr ? share.count : 0);
        for (std::int64_t g = 0; g < share.count; ++g) {
            if (s.weights != nullptr) {
                const auto rows = DenseRows<T>::of(elements.n, s.n_lags, s.n_units, workspace);
                if (dense != nullptr) dense[g] = rows;
            } else {
                const auto rows = SparseRows<T>::of(row_starts(g), share.from, share.to, workspace);
                if (sparse != nullptr) sparse[g] = rows;
            }
        }
        parameters = workspace.take<T>(n_parameters * width);
        x = workspace.take<T>(width);
        saved_x = workspace.take<T>(width);
        saved_outputs = workspace.take<T>(common.n_slots * width);
        coupling = workspace.take<T>(width + padded<T>(1));
        noise = workspace.take<T>(chunk_steps * width);
    }

    const std::int64_t* row_starts(std::int64_t g) const { return s.row_starts + (share.first + g) * (s.n_units + 1); }

    // Element e here is element e + offset of those in common: the first where there are several networks.
    std::int64_t offset() const { return share.from; }

    void wait() const {
        if (barrier.wait != nullptr) barrier.wait(barrier.team);
    }

    void load() {
        elements.load_ids(s.drive.ids);
        drive.load();
        elements.gather(s.parameters, n_parameters, parameters);
        for (std::int64_t e = elements.count * elements.n; e < width; ++e) {  // so that nothing is divided by 0
            for (std::int64_t r = 0; r < n_parameters; ++r) parameters[r * width + e] = T(Model::parameters[r].value);
        }
        load_state();
        noisy = false;
        for (std::int64_t g = 0; g < share.count; ++g) {
            if (s.weights != nullptr) {
                const T* weights = s.weights + (share.first + g) * s.n_lags * s.n_units * s.n_units;
                dense[g].pack(weights, s.n_units, share.from, share.to);
            } else {
                sparse[g].pack(row_starts(g), s.sources, s.values, share.from, share.to);
            }
        }
        // Of all units of all networks, so that no bit depends on how they are shared out.
        for (std::int64_t k = 0; k < s.n_networks; ++k) {
            const T* given = s.parameters + (k * n_parameters + Model::noise_row) * s.n_units;
            for (std::int64_t i = 0; i < s.n_units; ++i) noisy = noisy || given[i] != T(0);
        }
        for (std::int64_t i = 0; i < chunk_steps * width; ++i) noise[i] = T(0);
    }

    void load_state() {
        for (std::int64_t e = 0; e < width; ++e) x[e] = T(0);
        for (std::int64_t l = s.n_lags - 1; l >= 0; --l) {
            for (std::int64_t g = 0; g < share.count; ++g) {
                const T* given = s.state + elements.offset(g, l, s.n_lags);
                for (std::int64_t i = 0; i < elements.n; ++i) x[g * elements.n + i] = given[i];
            }
            show(common.slot(s.begin - l));
        }
    }

    void store_state() const {
        for (std::int64_t g = 0; g < share.count; ++g) {
            for (std::int64_t l = 0; l < s.n_lags; ++l) {
                // With several lags the outputs are the states.
                const T* from = l == 0 ? x : common.slot(s.end - l) + offset();
                T* to = s.state + elements.offset(g, l, s.n_lags);
                for (std::int64_t i = 0; i < elements.n; ++i) to[i] = from[g * elements.n + i];
            }
        }
        drive.store();
    }

    // Writes what the others see of x.
    void show(T* slot) const {
        const T *p = parameters, *from = x;
        T* to = slot + offset();
        const std::int64_t w = width, real = elements.count * elements.n;
#pragma omp simd
        for (std::int64_t e = 0; e < real; ++e) to[e] = Model::output(Model::load(p + e, w), from[e]);
    }

    void step(const T* input, const T* z, std::int64_t k, T* trace) const {
        const T* outputs[max_lags];
        for (std::int64_t l = 0; l < s.n_lags; ++l) outputs[l] = common.slot(k - l);
        for (std::int64_t g = 0; g < share.count; ++g) {
            if (s.weights != nullptr) {
                dense[g].multiply(outputs, coupling + g * elements.n);
            } else {
                sparse[g].multiply(outputs[0], coupling + g * elements.n);
            }
            for (std::int64_t l = 0; l < s.n_lags; ++l) outputs[l] += s.n_units;
        }
        const T *p = parameters, *sum = coupling;
        T *state = x, *finite = trace + offset();
        const std::int64_t w = width, real = elements.count * elements.n;
        const T dt = s.dt, root_dt = square_root(s.dt);
#pragma omp simd
        for (std::int64_t e = 0; e < real; ++e) {
            const T next = Model::step(Model::load(p + e, w), state[e], dt, root_dt, sum[e], input[e], z[e]);
            state[e] = next;
            finite[e] = multiply_add(next, T(0), finite[e]);
        }
        show(common.slot(k + 1));
        record_step(elements, s.recorded, s.n_recorded, static_cast<const T*>(x), input, drive, k);
    }

    void save() {
        copy_outputs(true);
        for (std::int64_t e = 0; e < width; ++e) saved_x[e] = x[e];
        drive.save();
    }
    void restore() {
        copy_outputs(false);
        for (std::int64_t e = 0; e < width; ++e) x[e] = saved_x[e];
        drive.restore();
    }
    void copy_outputs(bool saving) {
        for (std::int64_t slot = 0; slot < common.n_slots; ++slot) {
            T *there = common.outputs + slot * common.width + offset(), *here = saved_outputs + slot * width;
            for (std::int64_t e = 0; e < elements.count * elements.n; ++e)
                (saving ? here : there)[e] = (saving ? there : here)[e];
        }
    }

    // Steps [begin, end) of a chunk. With `first` not null, the first divergence among these units is written there.
    void take(std::int64_t chunk, std::int64_t begin, std::int64_t end, T* trace, Divergence* first) {
        for (std::int64_t e = 0; e < elements.count * elements.n; ++e) trace[offset() + e] = T(0);
        drive.make(chunk, begin, end);
        if (noisy) {
            const Keys keys{elements.ids, elements.units, width, s.drive.seed, model_stream};
            draw_normal<T, false>(keys, chunk, drive.zeros, drive.ones, noise);
        }
        for (std::int64_t k = begin; k < end; ++k) {
            step(drive.rows + (k - chunk) * width, noise + (k - chunk) * width, k, trace);
            if (first != nullptr && first->network < 0) {
                for (std::int64_t e = 0; e < elements.count * elements.n && first->network < 0; ++e) {
                    if (trace[offset() + e] != T(0))
                        *first = {share.first + e / elements.n, share.from + e % elements.n, k};
                }
            }
            wait();
        }
    }

    Divergence run() {
        load();
        wait();
        for (std::int64_t chunk = s.begin / chunk_steps * chunk_steps; chunk < s.end; chunk += chunk_steps) {
            const std::int64_t begin = chunk < s.begin ? s.begin : chunk;
            const std::int64_t end = chunk + chunk_steps < s.end ? chunk + chunk_steps : s.end;
            T* trace = common.traces + chunk / chunk_steps % 2 * common.width;
            save();
            take(chunk, begin, end, trace, nullptr);
            T sum = T(0);
            for (std::int64_t e = 0; e < share.count * s.n_units; ++e) sum += trace[e];
            if (sum == T(0)) continue;
            Divergence first{-1, 0, 0};
            wait();  // until everyone has seen it
            restore();
            wait();
            take(chunk, begin, end, trace, &first);
            return first;
        }
        store_state();
        return {-1, 0, 0};
    }
};

template <class T>
std::size_t common_bytes(const RateSimulation<T>& s, const RateShare& share) {
    Workspace workspace{nullptr};
    Common<T>(s, share, workspace);
    return workspace.used;
}

template <class T, class Model>
std::size_t own_bytes(const RateSimulation<T>& s, const RateShare& share) {
    Workspace nothing{nullptr}, workspace{nullptr};
    Common<T> common(s, share, nothing);
    Units<T, Model>(s, share, {nullptr, nullptr}, common, workspace);
    return workspace.used;
}

template <class T, class Model>
Divergence simulate_units(const RateSimulation<T>& s, const RateShare& share, void* common_memory, void* own_memory,
                          Barrier barrier) {
    Workspace shared{static_cast<char*>(common_memory)}, own{static_cast<char*>(own_memory)};
    Common<T> common(s, share, shared);
    return Units<T, Model>(s, share, barrier, common, own).run();
}

template <class T, class Model>
constexpr RateKernels<T> kernels = {common_bytes<T>, own_bytes<T, Model>, simulate_units<T, Model>};

template <template <class, template <class> class> class M, template <class> class F>
constexpr RateModel registered = {M<float, F>::name,
                                  M<float, F>::parameters,
                                  sizeof(M<float, F>::parameters) / sizeof(Described),
                                  M<float, F>::states,
                                  true,
                                  M<float, F>::lagged,
                                  kernels<float, M<float, F>>,
                                  kernels<double, M<double, F>>};

constexpr RateModel models[] = {
    registered<Leaky, Tanh>, registered<Leaky, Sigmoid>, registered<Leaky, Relu>, registered<Leaky, Linear>,
    registered<Map, Tanh>,   registered<Map, Sigmoid>,   registered<Map, Relu>,   registered<Map, Linear>,
};

}  // namespace

extern const RateLevel rates;
const RateLevel rates = {models, sizeof(models) / sizeof(RateModel)};

}  // namespace synfer::SYNFER_LEVEL
