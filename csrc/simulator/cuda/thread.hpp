#pragma once
#include "common/gaussian.hpp"
#include "common/philox.hpp"
#include "simulator/cuda/launch.hpp"
#include "simulator/streams.hpp"

// What the kernels of a thread have in common: which unit is its, what drives that, where it is recorded.

namespace synfer::SYNFER_LEVEL {

template <class T>
__device__ inline const T* at(const Numbers<T>& numbers, std::int64_t network, std::int64_t row, std::int64_t unit) {
    return numbers.values + network * numbers.network + row * numbers.row + unit * numbers.unit;
}

// Standard normal numbers of one unit, one for each step in turn.
template <class T>
struct Normals {
    std::uint32_t id, unit, stream, key0, key1;
    T z0, z1, z2, z3;

    __device__ Normals(std::uint32_t network_id, std::int64_t i, std::uint32_t s, std::uint64_t seed)
        : id(network_id),
          unit(static_cast<std::uint32_t>(i)),
          stream(s),
          key0(static_cast<std::uint32_t>(seed)),
          key1(static_cast<std::uint32_t>(seed >> 32)),
          z0(0),
          z1(0),
          z2(0),
          z3(0) {}

    // Of step k; those of a block of four steps are made at its first.
    __device__ T next(std::int64_t k, bool first) {
        const bool anew = (k & 3) == 0;
        if (anew || first) {
            const Words words = philox4x32({id, unit, static_cast<std::uint32_t>(k >> 2), stream}, key0, key1);
            box_muller(words.w0, words.w1, z0, z1);
            box_muller(words.w2, words.w3, z2, z3);
            for (std::int64_t skipped = k & 3; skipped > 0; --skipped) turn();
        }
        const T z = z0;
        turn();
        return z;
    }
    __device__ void turn() { z0 = z1, z1 = z2, z2 = z3; }
};

// The unit of a thread. Threads beyond the block's networks have none: they wait with the others and write nothing.
struct Place {
    std::int64_t first, network;  // of the block, and of the thread
    int here, unit, element;      // networks of the block; unit in the network; in the block
    bool real;

    Place() = default;
    template <class T>
    __device__ Place(const Launch<T>& s, std::int64_t block, int thread) {
        first = block * s.networks_per_block;
        const std::int64_t left = s.n_networks - first;
        here = left < s.networks_per_block ? static_cast<int>(left) : s.networks_per_block;
        real = thread < here * s.n_units;
        const int g = real ? thread / s.n_units : 0;
        unit = real ? thread - g * s.n_units : 0;
        element = g * s.n_units + unit;
        network = first + g;
    }
};

// What drives the unit.
template <class T>
struct UnitDrive {
    T mean, deviation;
    Normals<T> normals;
    bool draws;

    __device__ UnitDrive(const NormalDrive<T>& d, const Place& place)
        : mean(d.acts ? *at(d.parameters, place.network, 0, place.unit) : T(0)),
          deviation(d.acts ? *at(d.parameters, place.network, 1, place.unit) : T(0)),
          normals(d.ids[place.network], place.unit, drive_stream, d.seed),
          draws(d.draws) {}

    __device__ T next(std::int64_t k, bool first) {
        return draws ? multiply_add(deviation, normals.next(k, first), mean) : mean;
    }
};

// The rows in which the states after steps are recorded, in turn.
struct Rows {
    std::int64_t row, n_rows, every, last_step;  // the row at hand, and its last step
    std::int64_t from;

    template <class T>
    __device__ Rows(const Recorded<T>& r, std::int64_t begin) : n_rows(r.n_rows), every(r.every), from(r.from) {
        row = begin > from ? (begin - from) / every : 0;
        last_step = from + (row + 1) * every - 1;
    }
    __device__ bool due(std::int64_t k) const { return k == last_step && row < n_rows; }
    __device__ void advance() { ++row, last_step += every; }
};

template <class U>
__device__ inline void keep(U value, U* recorded, const Rows& rows, const Place& place, int n_units) {
    if (recorded != nullptr) recorded[(place.network * rows.n_rows + rows.row) * n_units + place.unit] = value;
}

template <class T>
__device__ inline void note_divergence(const Launch<T>& s, const Place& place, std::int64_t k) {
    const auto when = static_cast<unsigned long long>((k - s.begin) * s.n_units + place.unit);
    atomicMin(s.diverged + place.network, when);
}

}  // namespace synfer::SYNFER_LEVEL
