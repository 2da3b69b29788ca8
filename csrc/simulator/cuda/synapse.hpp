#pragma once
#include "simulator/cuda/thread.hpp"

// The synapses of one unit, in registers: what ../synapses/ says for blocks of units, in the same arithmetic. What
// arrives is added to `received`.

namespace synfer::SYNFER_LEVEL {

// ../synapses/delta.hpp
template <class T>
struct UnitDelta {
    static constexpr int n_receptors = 1;
    T received[n_receptors];

    __device__ UnitDelta(const SpikingLaunch<T>&, const Place&) {}
    __device__ T input(T drive) { return input(drive, received, nullptr, nullptr); }

    static __device__ void load(const SpikingLaunch<T>&, const Place&, T*, T*) {}
    static __device__ T input(T drive, T* received, const T*, const T*) {
        const T sum = drive + received[0];
        received[0] = T(0);
        return sum;
    }
};

// ../synapses/exponential.hpp
template <class T>
struct UnitExponential {
    static constexpr int n_receptors = 2;
    T received[n_receptors];
    T factors[n_receptors], decay[n_receptors];

    __device__ UnitExponential(const SpikingLaunch<T>& s, const Place& place) { load(s, place, factors, decay); }
    __device__ T input(T drive) { return input(drive, received, factors, decay); }

    static __device__ void load(const SpikingLaunch<T>& s, const Place& place, T* factors, T* decay) {
        for (int r = 0; r < n_receptors; ++r) {
            factors[r] = *at(s.factors, place.network, r, place.unit);
            decay[r] = s.decay[r];
        }
    }
    static __device__ T input(T drive, T* received, const T* factors, const T* decay) {
        const T sum = multiply_add(factors[0], received[0], multiply_add(factors[1], received[1], drive));
        received[0] = decay[0] * received[0];
        received[1] = decay[1] * received[1];
        return sum;
    }
};

}  // namespace synfer::SYNFER_LEVEL
