#pragma once
#include <cstdint>

#include "common/level.hpp"
#include "simulator/simulate.hpp"

// What a kind of synapse is to the kernels: the states of its receptors, of which the first n_receptors take what
// arrives, and a step that turns them into the neurons' input. Compiled for each kind alone: neurons see input,
// and conductance or jump only.

namespace synfer::SYNFER_LEVEL {

constexpr int max_factors = 4;
constexpr int max_receptors = 2;

template <class T>
struct SynapseConstants {
    T decay[max_receptors], mean[max_receptors], rise[max_receptors], reversal[max_receptors];
};

// Some units side by side, a whole number of vectors.
template <class T>
struct SynapseBlock {
    std::int64_t n;
    T* state;  // (state, unit), the states `stride` apart
    std::int64_t stride;
    const T* factors[max_factors];  // (factor)(unit), from `prepare`
    SynapseConstants<T> constants;
    const T* drive;     // (unit)
    T *input, *beside;  // (unit), to be written; beside the input a conductance or a jump of v, where a kind makes one
};

}  // namespace synfer::SYNFER_LEVEL
