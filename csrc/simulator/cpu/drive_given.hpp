#pragma once
#include "simulator/cpu/drive.hpp"

// The kinds of drive in which nothing is random. Each adds its term to the rows [begin, end) of a chunk.

namespace synfer::SYNFER_LEVEL {

template <class T>
void add_replayed(DriveRows<T>& d, int m, std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    const DriveTerm<T>& term = d.drive.terms[m];
    const Elements& at = d.elements;
    for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t k = chunk + r - d.drive.replayed_from;
        for (std::int64_t g = 0; g < at.count; ++g) {
            const T* given = term.replayed + (at.first + g) * term.replayed_stride + k * at.n_units + at.from;
            T* row = d.rows + r * at.width + g * at.n;
#pragma omp simd
            for (std::int64_t i = 0; i < at.n; ++i) row[i] += given[i];
        }
    }
}

template <class T>
void add_step(DriveRows<T>& d, int m, std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    const std::int64_t w = d.elements.width;
    const T* amplitude = d.terms[m].parameters;
    const double *start = d.terms[m].times + w, *stop = start + w;
    for (std::int64_t r = begin; r < end; ++r) {
        const double k = static_cast<double>(chunk + r);
        T* row = d.rows + r * w;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) row[e] += k >= start[e] && k < stop[e] ? amplitude[e] : T(0);
    }
}

// The phase is reduced in float64, then good to 2^-31 of a turn.
template <class T>
void add_sine(DriveRows<T>& d, int m, std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    constexpr double rounds = 6755399441055744.0;  // 1.5 2^52: adding it rounds to an integer
    const std::int64_t w = d.elements.width;
    const T *mean = d.terms[m].parameters, *amplitude = mean + w;
    const double *turns = d.terms[m].times + 2 * w, *phase = turns + w;
    for (std::int64_t r = begin; r < end; ++r) {
        const double k = static_cast<double>(chunk + r);
        T* row = d.rows + r * w;
#pragma omp simd
        for (std::int64_t e = 0; e < w; ++e) {
            const double turned = turns[e] * k + phase[e];
            const double part = turned - ((turned + rounds) - rounds);  // -1/2 to 1/2
            const std::uint32_t half_turns = static_cast<std::uint32_t>(static_cast<std::int32_t>(part * 2147483648.0));
            T sine, cosine;
            sincos_turns(half_turns * 2, sine, cosine);
            row[e] += multiply_add(amplitude[e], sine, mean[e]);
        }
    }
}

}  // namespace synfer::SYNFER_LEVEL
