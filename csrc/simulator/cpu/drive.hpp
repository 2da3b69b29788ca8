#pragma once
#include "common/gaussian.hpp"
#include "common/philox.hpp"
#include "simulator/cpu/layout.hpp"
#include "simulator/simulate.hpp"
#include "simulator/streams.hpp"

// What drives the units from outside, made for a chunk of steps at a time: rows (chunk step, element).

namespace synfer::SYNFER_LEVEL {

constexpr std::int64_t chunk_steps = 32;  // enough to amortise what a chunk costs, few enough for the first-level cache

// Normal numbers of mean and deviation for the steps [step, step + chunk_steps), step a multiple of chunk_steps. One
// Philox block gives four words, two pairs of normal numbers, the drive of four steps.
template <class T>
void draw_normal(const Elements& elements, std::uint64_t seed, std::uint32_t stream, std::int64_t step, T mean,
                 T deviation, T* rows) {
    const std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
    const std::uint32_t *id = elements.ids, *unit = elements.units;
    const std::int64_t w = elements.width;
    for (std::int64_t r = 0; r < chunk_steps; r += 4) {
        const std::uint32_t block = static_cast<std::uint32_t>((step + r) / 4);
        T* __restrict__ row = rows + r * w;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) {
            const Words words = philox4x32({id[e], unit[e], block, stream}, key0, key1);
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

// Rows for the steps [step, step + chunk_steps), step a multiple of chunk_steps. Of a replayed array only those of the
// steps that are taken; the padding's are 0.
template <class T>
void make_drive(const Simulation<T>& s, const Elements& elements, std::int64_t step, T* rows) {
    const std::int64_t n = elements.n, count = elements.count, width = elements.width;
    if (s.drive == nullptr) {
        draw_normal(elements, s.seed, drive_stream, step, s.mean, s.deviation, rows);
        for (std::int64_t r = 0; r < chunk_steps; ++r) {
            for (std::int64_t e = count * n; e < width; ++e) rows[r * width + e] = T(0);
        }
        return;
    }
    const std::int64_t last = step + chunk_steps < s.end ? step + chunk_steps : s.end;
    for (std::int64_t k = step < s.begin ? s.begin : step; k < last; ++k) {
        T* row = rows + (k - step) * width;
        for (std::int64_t g = 0; g < count; ++g) {
            const T* given = s.drive + (elements.first + g) * s.drive_stride + k * n;
            for (std::int64_t i = 0; i < n; ++i) row[g * n + i] = given[i];
        }
        for (std::int64_t e = count * n; e < width; ++e) row[e] = T(0);
    }
}

// count standard normal numbers of (network id, unit) at steps 0, 1, ..., for whoever wants to look at them
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

}  // namespace synfer::SYNFER_LEVEL
