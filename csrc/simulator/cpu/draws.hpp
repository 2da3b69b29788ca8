#pragma once
#include "common/gaussian.hpp"
#include "common/vector_philox.hpp"
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

// Words for the four steps from `step` on, a multiple of four: rows of `width` of them, `stride` apart.
inline void draw_four(const Keys& keys, std::int64_t step, std::uint32_t* rows, std::int64_t stride) {
    const std::uint32_t key0 = static_cast<std::uint32_t>(keys.seed);
    const std::uint32_t key1 = static_cast<std::uint32_t>(keys.seed >> 32);
    const std::uint32_t block = static_cast<std::uint32_t>(step / 4);
    std::uint32_t last[2][counters_at_once] = {};  // where fewer are left than a vector holds
    for (std::int64_t e = 0; e < keys.width; e += counters_at_once) {
        const std::uint32_t *ids = keys.ids + e, *units = keys.units + e;
        const std::int64_t left = keys.width - e, n = left < counters_at_once ? left : counters_at_once;
        if (n < counters_at_once) {
            for (std::int64_t i = 0; i < n; ++i) last[0][i] = ids[i], last[1][i] = units[i];
            ids = last[0], units = last[1];
        }
        const WordVectors words = philox4x32(ids, units, block, keys.stream, key0, key1);
        for (int i = 0; i < 4; ++i) {
            if (n == counters_at_once) {
                __builtin_memcpy(rows + i * stride + e, &words.w[i], sizeof(Counters));
            } else {
                for (std::int64_t c = 0; c < n; ++c) rows[i * stride + e + c] = words.w[i][c];
            }
        }
    }
}

// The words of the steps step, ..., step + chunk_steps - 1, step a multiple of chunk_steps, row by row.
inline void draw_words(const Keys& keys, std::int64_t step, std::uint32_t* rows) {
    for (std::int64_t r = 0; r < chunk_steps; r += 4) draw_four(keys, step + r, rows + r * keys.width, keys.width);
}

// Standard normal numbers of the same steps: row r is multiply_add(deviation, z, mean), or the sum of that and what the
// row held.
template <class T, bool adding>
void draw_normal(const Keys& keys, std::int64_t step, const T* __restrict__ mean, const T* __restrict__ deviation,
                 T* rows) {
    constexpr std::int64_t tile = 256;  // elements whose words stay in the first-level cache
    alignas(64) std::uint32_t words[4 * tile];
    const std::int64_t w = keys.width;
    for (std::int64_t lo = 0; lo < w; lo += tile) {
        const std::int64_t n = w - lo < tile ? w - lo : tile;
        const Keys here{keys.ids + lo, keys.units + lo, n, keys.seed, keys.stream};
        for (std::int64_t r = 0; r < chunk_steps; r += 4) {
            draw_four(here, step + r, words, tile);
            for (std::int64_t pair = 0; pair < 4; pair += 2) {
                const std::uint32_t *w0 = words + pair * tile, *w1 = w0 + tile;
                const T *m = mean + lo, *s = deviation + lo;
                T* __restrict__ row0 = rows + (r + pair) * w + lo, * __restrict__ row1 = row0 + w;
#pragma omp simd
                for (std::int64_t e = 0; e < n; ++e) {
                    T z0, z1;
                    box_muller(w0[e], w1[e], z0, z1);
                    const T y0 = multiply_add(s[e], z0, m[e]), y1 = multiply_add(s[e], z1, m[e]);
                    row0[e] = adding ? row0[e] + y0 : y0;
                    row1[e] = adding ? row1[e] + y1 : y1;
                }
            }
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
