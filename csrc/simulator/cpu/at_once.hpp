#pragma once
#include "simulator/cpu/columns.hpp"
#include "simulator/cpu/spikes.hpp"

// Small networks that a thread has to itself: what the spikes of a step bring to a network is summed in registers, and
// no list of them is made. The sums have the bits of those by lists: they begin at zero and take sources as they rise.

namespace synfer::SYNFER_LEVEL {

// The vectors that a network's units fill, for these to stay in registers; and a network's spikes are one word's bits.
constexpr int vectors_at_once = 8;
constexpr std::int64_t units_at_once = 64;

// bits (element / 64): which of n elements fired, those behind n 0; n is a whole number of vectors of 64 bytes.
template <class T, class Int>
SYNFER_DEVICE void fired_bits([[maybe_unused]] const Int* fired, [[maybe_unused]] const std::uint8_t* marks,
                              std::int64_t n, std::uint64_t* bits) {
#if SYNFER_VECTOR_BYTES == 64
    for (std::int64_t e = 0; e < n; e += 64) {
        std::uint64_t word = 0;
        for (std::int64_t i = 0; i < 64 && e + i < n; i += lanes<T>) {
            const __m512i all = _mm512_loadu_si512(fired + e + i);
            const std::uint64_t some = sizeof(T) == 4 ? static_cast<std::uint64_t>(_mm512_test_epi32_mask(all, all))
                                                      : static_cast<std::uint64_t>(_mm512_test_epi64_mask(all, all));
            word |= some << i;
        }
        bits[e / 64] = word;
    }
#else
    for (std::int64_t e = 0; e < n; e += 64) bits[e / 64] = spikes_of(marks + e);
#endif
}

// n <= 64 bits from bit `first` on; bits must have a word behind those that are asked for.
SYNFER_DEVICE std::uint64_t bits_at(const std::uint64_t* bits, std::int64_t first, std::int64_t n) {
    const std::int64_t shift = first % 64;
    const std::uint64_t* at = bits + first / 64;
    const std::uint64_t high = shift == 0 ? 0 : at[1] << (64 - shift);
    return (at[0] >> shift | high) & (~std::uint64_t{0} >> (64 - n));
}

// What the spikes bring to networks side by side, `count` of them, in place of what `rows` held. As with
// Columns::deliver, the padding is written too: to the next network, whose turn comes after, or to slack.
template <int vectors, class T>
void deliver_vectors(const Columns<T>& columns, std::int64_t count, const std::uint64_t* bits, T* rows) {
    const std::int64_t n = columns.n, height = columns.height;
    const T* network = columns.columns;
    for (std::int64_t g = 0; g < count; ++g, network += n * height) {
        Vector<T> sums[vectors] = {};
        for (std::uint64_t spikes = bits_at(bits, g * n, n); spikes != 0; spikes &= spikes - 1) {
            const T* column = network + __builtin_ctzll(spikes) * height;
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) sums[v] += load(column + v * lanes<T>);
        }
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) store(rows + g * n + v * lanes<T>, sums[v]);
    }
}

// Calls deliver_vectors of as many vectors as a column has.
template <int vectors = vectors_at_once, class T>
void deliver_at_once(const Columns<T>& columns, std::int64_t count, const std::uint64_t* bits, T* rows) {
    if constexpr (vectors > 1) {
        if (columns.height < vectors * lanes<T>) return deliver_at_once<vectors - 1>(columns, count, bits, rows);
    }
    deliver_vectors<vectors>(columns, count, bits, rows);
}

}  // namespace synfer::SYNFER_LEVEL
