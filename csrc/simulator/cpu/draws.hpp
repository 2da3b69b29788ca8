#pragma once
#include "common/gaussian.hpp"
#include "common/philox.hpp"
#include "simulator/cpu/layout.hpp"

// Random numbers for a chunk of steps at a time: one Philox block gives four words, and so the numbers of four steps.

namespace synfer::SYNFER_LEVEL {

constexpr std::int64_t chunk_steps = 32;  // enough to amortise what a chunk costs, few enough for the first-level cache

// What keys the numbers of `width` elements.
struct Keys {
    const std::uint32_t *ids, *units;
    std::int64_t width;
    std::uint64_t seed;
    std::uint32_t stream;
};

// Standard normal numbers of the steps step, ..., step + chunk_steps - 1, step a multiple of chunk_steps: row r is
// multiply_add(deviation, z, mean), or the sum of that and what the row held.
template <class T, bool adding>
void draw_normal(const Keys& keys, std::int64_t step, const T* __restrict__ mean, const T* __restrict__ deviation,
                 T* rows) {
    const std::uint32_t key0 = static_cast<std::uint32_t>(keys.seed);
    const std::uint32_t key1 = static_cast<std::uint32_t>(keys.seed >> 32);
    const std::uint32_t *id = keys.ids, *unit = keys.units, stream = keys.stream;
    const std::int64_t w = keys.width;
    for (std::int64_t r = 0; r < chunk_steps; r += 4) {
        const std::uint32_t block = static_cast<std::uint32_t>((step + r) / 4);
        T* __restrict__ row = rows + r * w;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) {
            const Words words = philox4x32({id[e], unit[e], block, stream}, key0, key1);
            T z0, z1, z2, z3;
            box_muller(words.w0, words.w1, z0, z1);
            box_muller(words.w2, words.w3, z2, z3);
            const T y0 = multiply_add(deviation[e], z0, mean[e]), y1 = multiply_add(deviation[e], z1, mean[e]);
            const T y2 = multiply_add(deviation[e], z2, mean[e]), y3 = multiply_add(deviation[e], z3, mean[e]);
            row[e] = adding ? row[e] + y0 : y0;
            row[w + e] = adding ? row[w + e] + y1 : y1;
            row[2 * w + e] = adding ? row[2 * w + e] + y2 : y2;
            row[3 * w + e] = adding ? row[3 * w + e] + y3 : y3;
        }
    }
}

// The words themselves, row by row.
inline void draw_words(const Keys& keys, std::int64_t step, std::uint32_t* rows) {
    const std::uint32_t key0 = static_cast<std::uint32_t>(keys.seed);
    const std::uint32_t key1 = static_cast<std::uint32_t>(keys.seed >> 32);
    const std::uint32_t *id = keys.ids, *unit = keys.units, stream = keys.stream;
    const std::int64_t w = keys.width;
    for (std::int64_t r = 0; r < chunk_steps; r += 4) {
        const std::uint32_t block = static_cast<std::uint32_t>((step + r) / 4);
        std::uint32_t* __restrict__ row = rows + r * w;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) {
            const Words words = philox4x32({id[e], unit[e], block, stream}, key0, key1);
            row[e] = words.w0;
            row[w + e] = words.w1;
            row[2 * w + e] = words.w2;
            row[3 * w + e] = words.w3;
        }
    }
}

// count standard normal numbers of (network id, unit) at steps 0, 1, ..., for whoever wants to look at them
template <class T>
void gaussian(std::uint64_t seed, std::uint32_t id, std::uint32_t unit, std::int64_t count, T* out) {
    const std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
    for (std::int64_t k = 0; k < count; k += 4) {
        const Words words = philox4x32({id, unit, static_cast<std::uint32_t>(k / 4), 0}, key0, key1);
        T z[4];
        box_muller(words.w0, words.w1, z[0], z[1]);
        box_muller(words.w2, words.w3, z[2], z[3]);
        for (std::int64_t i = 0; i < 4 && k + i < count; ++i) out[k + i] = z[i];
    }
}

}  // namespace synfer::SYNFER_LEVEL
