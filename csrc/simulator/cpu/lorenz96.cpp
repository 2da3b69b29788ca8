// Lorenz-96, one network at a time: each unit needs its neighbours four times a step, and they lie beside it.
#include "simulator/rates/lorenz96.hpp"

#include "common/gaussian.hpp"
#include "simulator/cpu/drive.hpp"
#include "simulator/cpu/layout.hpp"
#include "simulator/cpu/recording.hpp"
#include "simulator/rates.hpp"
#include "simulator/streams.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

// A ring of n units with its last two before the first and its first after the last.
template <class T>
struct Ring {
    static constexpr std::int64_t before = padded<T>(2);
    T* memory;
    std::int64_t n;

    static Ring of(std::int64_t n, Workspace& workspace) { return {workspace.take<T>(before + padded<T>(n + 1)), n}; }
    T* x() const { return memory + before; }
    void close() const {
        T* at = x();
        at[-2] = at[n - 2], at[-1] = at[n - 1], at[n] = at[0];
    }
};

template <class T>
struct Atmosphere {
    const RateSimulation<T>& s;
    Elements elements;
    DriveRows<T> drive;
    std::int64_t n;
    Ring<T> state, one, two;
    T *force, *deviation;  // (unit)
    T *sum, *saved_x;      // (unit): of the slopes, weighted; x at the start of the chunk
    T *noise, *trace;      // (chunk step, unit); (unit): 0 while x was finite, else NaN
    bool noisy = false;

    Atmosphere(const RateSimulation<T>& simulation, const RateShare& share, Workspace& workspace)
        : s(simulation),
          elements(Elements::of<T>(share.first, 1, 0, s.n_units, s.n_units, workspace)),
          drive(simulation.drive, elements, workspace),
          n(s.n_units),
          state(Ring<T>::of(n, workspace)),
          one(Ring<T>::of(n, workspace)),
          two(Ring<T>::of(n, workspace)) {
        force = workspace.take<T>(elements.width);
        deviation = workspace.take<T>(elements.width);
        sum = workspace.take<T>(elements.width);
        saved_x = workspace.take<T>(elements.width);
        noise = workspace.take<T>(chunk_steps * elements.width);
        trace = workspace.take<T>(elements.width);
    }

    void load() {
        elements.load_ids(s.drive.ids);
        drive.load();
        const T root_dt = square_root(s.dt);
        for (std::int64_t i = 0; i < n; ++i) {
            force[i] = s.parameters[elements.offset(0, 0, 2) + i];
            deviation[i] = s.parameters[elements.offset(0, 1, 2) + i] * root_dt;
            noisy = noisy || deviation[i] != T(0);
            state.x()[i] = s.state[elements.offset(0, 0, 1) + i];
        }
        state.close();
        for (std::int64_t i = 0; i < chunk_steps * elements.width; ++i) noise[i] = T(0);
    }

    // k being the slopes at `at`, sum = weight k, or sum + weight k, and next = x + forward k.
    template <bool fresh>
    void slopes(const Ring<T>& at, const T* input, T weight, T forward, const Ring<T>& next) const {
        const T *y = at.x(), *x = state.x(), *f = force;
        T *total = sum, *to = next.x();
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) {
            const T k = Lorenz96<T>::slope(y + i, f[i] + input[i]);
            total[i] = fresh ? weight * k : multiply_add(weight, k, total[i]);
            to[i] = multiply_add(forward, k, x[i]);
        }
        next.close();
    }

    void step(const T* input, const T* z, std::int64_t k) const {
        const T dt = s.dt, half = T(0.5) * dt;
        slopes<true>(state, input, dt / T(6), half, one);
        slopes<false>(one, input, dt / T(3), half, two);
        slopes<false>(two, input, dt / T(3), dt, one);
        slopes<false>(one, input, dt / T(6), T(0), two);
        T *x = state.x(), *finite = trace;
        const T *total = sum, *sigma = deviation;
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) {
            x[i] = multiply_add(sigma[i], z[i], x[i] + total[i]);
            finite[i] = multiply_add(x[i], T(0), finite[i]);
        }
        state.close();
        record_step(elements, s.recorded, s.n_recorded, static_cast<const T*>(x), input, drive, k);
    }

    // Steps [begin, end) of a chunk; until the first divergence where it is to be found.
    Divergence take(std::int64_t chunk, std::int64_t begin, std::int64_t end, bool finding) {
        for (std::int64_t i = 0; i < n; ++i) trace[i] = T(0);
        drive.make(chunk, begin, end);
        if (noisy) {
            const Keys keys{elements.ids, elements.units, elements.width, s.drive.seed, model_stream};
            draw_normal<T, false>(keys, chunk, drive.zeros, drive.ones, noise);
        }
        for (std::int64_t k = begin; k < end; ++k) {
            step(drive.rows + (k - chunk) * elements.width, noise + (k - chunk) * elements.width, k);
            for (std::int64_t i = 0; finding && i < n; ++i) {
                if (trace[i] != T(0)) return {elements.first, i, k};
            }
        }
        return {-1, 0, 0};
    }

    Divergence run() {
        load();
        for (std::int64_t chunk = s.begin / chunk_steps * chunk_steps; chunk < s.end; chunk += chunk_steps) {
            const std::int64_t begin = chunk < s.begin ? s.begin : chunk;
            const std::int64_t end = chunk + chunk_steps < s.end ? chunk + chunk_steps : s.end;
            for (std::int64_t i = 0; i < n; ++i) saved_x[i] = state.x()[i];
            drive.save();
            take(chunk, begin, end, false);
            T total = T(0);
            for (std::int64_t i = 0; i < n; ++i) total += trace[i];
            if (total == T(0)) continue;
            for (std::int64_t i = 0; i < n; ++i) state.x()[i] = saved_x[i];
            state.close();
            drive.restore();
            return take(chunk, begin, end, true);
        }
        for (std::int64_t i = 0; i < n; ++i) s.state[elements.offset(0, 0, 1) + i] = state.x()[i];
        drive.store();
        return {-1, 0, 0};
    }
};

template <class T>
std::size_t common_bytes(const RateSimulation<T>&, const RateShare&) {
    return 0;
}

template <class T>
std::size_t own_bytes(const RateSimulation<T>& s, const RateShare& share) {
    Workspace workspace{nullptr};
    Atmosphere<T>(s, share, workspace);
    return workspace.used;
}

template <class T>
Divergence simulate_one(const RateSimulation<T>& s, const RateShare& share, void*, void* own, Barrier) {
    Workspace workspace{static_cast<char*>(own)};
    return Atmosphere<T>(s, share, workspace).run();
}

template <class T>
constexpr RateKernels<T> kernels = {common_bytes<T>, own_bytes<T>, simulate_one<T>};

}  // namespace

extern const RateModel lorenz96;
const RateModel lorenz96 = {
    Lorenz96<float>::name, Lorenz96<float>::parameters, 2, Lorenz96<float>::states, false, false, kernels<float>,
    kernels<double>};

}  // namespace synfer::SYNFER_LEVEL
