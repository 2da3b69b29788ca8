#pragma once
#include "simulator/cpu/drive.hpp"
#include "simulator/cpu/drive_given.hpp"

// One function a kind of drive that draws random numbers, and which is called for which. Each adds its term to the rows
// [begin, end) of a chunk at least; a Gaussian one, where it is the first, writes all of them.

namespace synfer::SYNFER_LEVEL {

template <class T>
void add_gaussian(DriveRows<T>& d, int m, const Keys& keys, std::int64_t chunk) {
    const T *mean = d.terms[m].parameters, *deviation = mean + keys.width;
    if (m == 0) {
        draw_normal<T, false>(keys, chunk, mean, deviation, d.rows);
    } else {
        draw_normal<T, true>(keys, chunk, mean, deviation, d.rows);
    }
}

// y of the Ornstein-Uhlenbeck process after each step of [begin, end), in place of normal numbers z (step, element).
template <class T>
void remember(T* y, const T* decay, const T* kick, std::int64_t width, std::int64_t chunk, std::int64_t begin,
              std::int64_t end, T* z) {
    for (std::int64_t r = begin; r < end; ++r) {
        T* row = z + r * width;
        const bool first = chunk + r == 0;
#pragma omp simd
        for (std::int64_t e = 0; e < width; ++e) {
            const T next = first ? row[e] : multiply_add(decay[e], y[e], kick[e] * row[e]);
            y[e] = next;
            row[e] = next;
        }
    }
}

template <class T>
void add_ornstein_uhlenbeck(DriveRows<T>& d, int m, const Keys& keys, std::int64_t chunk, std::int64_t begin,
                            std::int64_t end) {
    const std::int64_t w = keys.width;
    const T *mean = d.terms[m].parameters, *deviation = mean + w, *decay = mean + 2 * w, *kick = mean + 3 * w;
    draw_normal<T, false>(keys, chunk, d.zeros, d.ones, d.scratch);
    remember(d.terms[m].y, decay, kick, w, chunk, begin, end, d.scratch);
    for (std::int64_t r = begin; r < end; ++r) {
        T* row = d.rows + r * w;
        const T* y = d.scratch + r * w;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) row[e] += multiply_add(deviation[e], y[e], mean[e]);
    }
}

template <class T>
void add_poisson(DriveRows<T>& d, int m, const Keys& keys, std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    const std::int64_t w = keys.width, n_thresholds = d.drive.terms[m].n_thresholds;
    const bool one_rate = d.drive.terms[m].one_rate;
    const T* weight = d.terms[m].parameters;
    std::uint32_t* words = d.words;
    T* count = d.scratch;
    draw_words(keys, chunk, words);
    for (std::int64_t r = begin; r < end; ++r) {
        const std::uint32_t* word = words + r * w;
        T* row = d.rows + r * w;
        for (std::int64_t e = 0; e < w; ++e) count[e] = T(0);
        for (std::int64_t c = 0; one_rate && c < n_thresholds; ++c) {
            const std::uint32_t limit = d.drive.terms[m].thresholds[c];
#pragma omp simd
            for (std::int64_t e = 0; e < w; ++e) count[e] += word[e] > limit ? T(1) : T(0);
        }
        for (std::int64_t c = 0; !one_rate && c < n_thresholds; ++c) {
            const std::uint32_t* limit = d.terms[m].limits + c * w;
#pragma omp simd
            for (std::int64_t e = 0; e < w; ++e) count[e] += word[e] > limit[e] ? T(1) : T(0);
        }
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) row[e] = multiply_add(weight[e], count[e], row[e]);
    }
}

template <class T>
void add_shared(DriveRows<T>& d, int m, const Keys& keys, std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    const Elements& at = d.elements;
    if (at.n == 0) return;  // a part without units has no parameters to read
    const T* strength = d.terms[m].parameters;
    draw_normal<T, false>(keys, chunk, d.zeros, d.ones, d.scratch);
    if (d.drive.terms[m].kind == DriveKind::shared_ornstein_uhlenbeck) {
        // One process a network: its decay and kick are those of the network's first unit.
        T *decay = d.terms[m].saved_y + keys.width, *kick = decay + keys.width;
        for (std::int64_t g = 0; g < keys.width; ++g) {
            decay[g] = g < at.count ? strength[at.width + g * at.n] : T(0);
            kick[g] = g < at.count ? strength[2 * at.width + g * at.n] : T(0);
        }
        remember(d.terms[m].y, decay, kick, keys.width, chunk, begin, end, d.scratch);
    }
    for (std::int64_t r = begin; r < end; ++r) {
        for (std::int64_t g = 0; g < at.count; ++g) {
            const T y = d.scratch[r * keys.width + g];
            const T* weight = strength + g * at.n;
            T* row = d.rows + r * at.width + g * at.n;
#pragma omp simd
            for (std::int64_t i = 0; i < at.n; ++i) row[i] = multiply_add(weight[i], y, row[i]);
        }
    }
}

template <class T>
void add_term(DriveRows<T>& d, int m, std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    const DriveKind kind = d.drive.terms[m].kind;
    const Elements& at = d.elements_of(d.drive.terms[m]);
    const Keys keys{at.ids, at.units, at.width, d.drive.seed, drive_stream + static_cast<std::uint32_t>(m)};
    switch (kind) {
        case DriveKind::replayed:
            return add_replayed(d, m, chunk, begin, end);
        case DriveKind::gaussian:
            return add_gaussian(d, m, keys, chunk);
        case DriveKind::ornstein_uhlenbeck:
            return add_ornstein_uhlenbeck(d, m, keys, chunk, begin, end);
        case DriveKind::poisson:
            return add_poisson(d, m, keys, chunk, begin, end);
        case DriveKind::step:
            return add_step(d, m, chunk, begin, end);
        case DriveKind::sine:
            return add_sine(d, m, chunk, begin, end);
        default:
            return add_shared(d, m, keys, chunk, begin, end);
    }
}

}  // namespace synfer::SYNFER_LEVEL
