#pragma once
#include "simulator/cuda/thread.hpp"
#include "simulator/simulate.hpp"

// Units without spikes, coupled over one lag. What they show each other lies in shared memory, that of a step and of
// the next in turn; a sum over the sources is taken in their order.

namespace synfer::SYNFER_LEVEL {

template <class T, class Model, bool shared_weights>
__global__ void __launch_bounds__(most_units) simulate_rates(const RateLaunch<T> s) {
    extern __shared__ uint4 shared_memory[];
    char* memory = reinterpret_cast<char*>(shared_memory);
    const int n = s.n_units, threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
    const Place place(s, blockIdx.x, thread);
    T* outputs = reinterpret_cast<T*>(memory + mask_bytes(threads));  // (2, thread)
    const T* columns = s.weights + place.first * n * n;
    if constexpr (shared_weights) {
        T* mine = outputs + 2 * threads;
        for (int j = thread; j < place.here * n * n; j += threads) mine[j] = columns[j];
        columns = mine;
    }

    const int lo = place.element - place.unit;
    columns += static_cast<std::int64_t>(lo) * n + place.unit;
    const Model unit = Model::load(at(s.parameters, place.network, 0, place.unit), s.parameters.row);
    T x = s.state[place.network * n + place.unit];
    UnitDrive<T> drive(s.drive, place);
    Normals<T> noise(s.drive.ids[place.network], place.unit, model_stream, s.drive.seed);
    Rows rows(s.recorded, s.begin);
    const T root_dt = square_root(s.dt);
    bool diverged = false;
    T *now = outputs, *next = outputs + threads;
    now[thread] = Model::output(unit, x);
    __syncthreads();

    for (std::int64_t k = s.begin; k < s.end; ++k) {
        const T driven = drive.next(k, k == s.begin);
        const T z = s.noisy ? noise.next(k, k == s.begin) : T(0);
        T sum = T(0);
        if (place.real) {
            const T *column = columns, *output = now + lo;
            for (int j = 0; j < n; ++j, column += n) sum = multiply_add(*column, output[j], sum);
        }
        x = Model::step(unit, x, s.dt, root_dt, sum, driven, z);
        next[thread] = Model::output(unit, x);
        if (!(x * T(0) == T(0)) && place.real && !diverged) {
            note_divergence(s, place, k);
            diverged = true;
        }
        if (rows.due(k)) {
            if (place.real) {
                keep(x, s.recorded.states[0], rows, place, n);
                keep(driven, s.recorded.drive, rows, place, n);
            }
            rows.advance();
        }
        __syncthreads();
        T* shown = now;
        now = next, next = shown;
    }
    if (place.real) s.state[place.network * n + place.unit] = x;
}

}  // namespace synfer::SYNFER_LEVEL
