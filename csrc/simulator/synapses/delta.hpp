#pragma once
#include <cstdint>

#include "common/level.hpp"

// Delta synapse: a spike of the source at step k adds its weight (mV/ms) to the input of every target, acting for one
// step,
//     I_i(k + 1) += sum_j W[i, j] s_j(k),
// after the shortest delay there is, one dt: v moves by W dt, by W mV in the paper's step of 1 ms. W lies source by
// source here, so that a spike adds one contiguous column.

namespace synfer::SYNFER_LEVEL {

#ifdef __BYTE_ORDER__
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "deliver_delta reads the place of a spike off its byte order");
#endif

// Add to input (n_units) the columns of `columns` (source, target) whose source spiked. spikes (n_units) holds 0 or 1.
template <class T>
SYNFER_DEVICE void deliver_delta(const T* __restrict__ columns, const std::uint8_t* __restrict__ spikes,
                                 std::int64_t n_units, T* __restrict__ input) {
    const auto add_column = [&](std::int64_t source) {
        const T* __restrict__ column = columns + source * n_units;
#pragma omp simd
        for (std::int64_t target = 0; target < n_units; ++target) input[target] += column[target];
    };
    std::int64_t source = 0;
    // Spikes are few: skip eight silent sources at a time. One bit a byte, so that its place (little-endian) is the
    // source.
    for (; source + 8 <= n_units; source += 8) {
        std::uint64_t eight;
        __builtin_memcpy(&eight, spikes + source, 8);
        for (; eight != 0; eight &= eight - 1) add_column(source + (__builtin_ctzll(eight) >> 3));
    }
    for (; source < n_units; ++source) {
        if (spikes[source] != 0) add_column(source);
    }
}

}  // namespace synfer::SYNFER_LEVEL
