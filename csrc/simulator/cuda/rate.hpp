#pragma once
#include "common/cuda/four.hpp"
#include "simulator/cuda/thread.hpp"
#include "simulator/simulate.hpp"

// Units without spikes, coupled over one lag. What they show each other lies in shared memory, that of a step and of
// the next in turn, each network's from a multiple of four on, so that it is read four at a time; a sum over the
// sources is taken in their order. The weights to a unit are its thread's: in registers where there are few.

namespace synfer::SYNFER_LEVEL {

// Sums weights times outputs over the sources. Beyond the last one, outputs are zero.
template <class T, Weights held>
struct Sources {
    const T* column;
    int n;

    __device__ Sources(const T* columns, int n_units) : column(columns), n(n_units) {}
    __device__ T sum(const T* outputs) const {
        const Four<T>* shown = reinterpret_cast<const Four<T>*>(outputs);
        const T* weight = column;
        T all = T(0);
        int j = 0;
#pragma unroll 2
        for (; j + 4 <= n; j += 4, ++shown) {
            const Four<T> four = *shown;
#pragma unroll
            for (int i = 0; i < 4; ++i, weight += n) all = multiply_add(*weight, four.of[i], all);
        }
        for (; j < n; ++j, weight += n) all = multiply_add(*weight, outputs[j], all);
        return all;
    }
};

template <class T>
struct Sources<T, Weights::in_registers> {
    T weights[most_in_registers];
    int n;

    __device__ Sources(const T* column, int n_units) : n(n_units) {
#pragma unroll
        for (int j = 0; j < most_in_registers; ++j) weights[j] = j < n ? column[j * n] : T(0);
    }
    __device__ T sum(const T* outputs) const {
        const Four<T>* shown = reinterpret_cast<const Four<T>*>(outputs);
        T all = T(0);
#pragma unroll
        for (int j = 0; j < most_in_registers; j += 4) {
            if (j >= n) break;
            const Four<T> four = shown[j / 4];
#pragma unroll
            for (int i = 0; i < 4; ++i) all = multiply_add(weights[j + i], four.of[i], all);
        }
        return all;
    }
};

template <class T, class Model, Weights held>
__global__ void __launch_bounds__(held == Weights::in_registers ? 512 : most_units)
    simulate_rates(const RateLaunch<T> s) {
    extern __shared__ uint4 shared_memory[];
    const int n = s.n_units, threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
    const Place place(s, blockIdx.x, thread);
    const int pad = (n + 3) / 4 * 4, all = s.networks_per_block * pad;
    T* outputs = reinterpret_cast<T*>(shared_memory);  // (2, network of the block, unit and padding)
    for (int j = thread; j < 2 * all; j += threads) outputs[j] = T(0);
    const int group = static_cast<int>(place.network - place.first);
    const T* columns = s.weights + place.first * n * n;
    if constexpr (held == Weights::in_shared_memory) {
        T* mine = outputs + 2 * all;
        for (int j = thread; j < place.here * n * n; j += threads) mine[j] = columns[j];
        columns = mine;
    }
    __syncthreads();

    columns += static_cast<std::int64_t>(group) * n * n + place.unit;
    const Sources<T, held> sources(columns, n);
    const Model unit = Model::load(at(s.parameters, place.network, 0, place.unit), s.parameters.row);
    T x = s.state[place.network * n + place.unit];
    UnitDrive<T> drive(s.drive, place);
    Normals<T> noise(s.drive.ids[place.network], place.unit, model_stream, s.drive.seed);
    Rows rows(s.recorded, s.begin);
    const T root_dt = square_root(s.dt);
    bool diverged = false;
    T *now = outputs + group * pad, *next = now + all;
    if (place.real) now[place.unit] = Model::output(unit, x);
    __syncthreads();

    for (std::int64_t k = s.begin; k < s.end; ++k) {
        const T driven = drive.next(k, k == s.begin);
        const T z = s.noisy ? noise.next(k, k == s.begin) : T(0);
        x = Model::step(unit, x, s.dt, root_dt, sources.sum(now), driven, z);
        if (place.real) next[place.unit] = Model::output(unit, x);
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
