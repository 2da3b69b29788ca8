#pragma once
#include <cstddef>
#include <cstdint>

#include "common/pieces.hpp"

// How the kernels lay networks out in memory: several small ones side by side, so that loops across their units fill
// the vectors, padded to a whole number of them.

namespace synfer::SYNFER_LEVEL {

// n rounded up to fill pieces of 64 bytes, the widest vectors there are.
template <class T>
constexpr std::int64_t padded(std::int64_t n) {
    constexpr std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(T));
    return (n + lanes - 1) / lanes * lanes;
}

using Workspace = GuardedPieces;

// Units [from, from + n) of networks [first, first + count) side by side: element e = (network - first) * n + unit -
// from, then padding up to `width` elements. The padding is computed like the rest, and never recorded or delivered.
struct Elements {
    std::int64_t first, count, from, n, width;
    std::int64_t n_units;        // of each network: where the next network's begin
    std::uint32_t *ids, *units;  // (element): of its network, and its number there; what keys its random numbers

    template <class T>
    static Elements of(std::int64_t first, std::int64_t count, std::int64_t from, std::int64_t n, std::int64_t n_units,
                       Workspace& workspace) {
        const std::int64_t width = padded<T>(count * n);
        std::uint32_t* ids = workspace.take<std::uint32_t>(width);
        return {first, count, from, n, width, n_units, ids, workspace.take<std::uint32_t>(width)};
    }

    // network_ids (network) of the whole batch
    void load_ids(const std::uint32_t* network_ids) const {
        for (std::int64_t e = 0; e < width; ++e) {
            const bool real = e < count * n;
            ids[e] = real ? network_ids[first + e / n] : 0;
            units[e] = real ? static_cast<std::uint32_t>(from + e % n) : 0;
        }
    }

    // Where the units here begin in row r of n_rows of blocks (network, row, unit) of the whole batch, network number g
    // of those here.
    std::int64_t offset(std::int64_t g, std::int64_t r, std::int64_t n_rows) const {
        return ((first + g) * n_rows + r) * n_units + from;
    }

    // rows (row, element) from blocks (network, row, unit) of the whole batch; the padding becomes 0.
    template <class T, class U>
    void gather(const U* blocks, std::int64_t n_rows, T* rows) const {
        for (std::int64_t r = 0; r < n_rows; ++r) {
            T* row = rows + r * width;
            for (std::int64_t g = 0; g < count; ++g) {
                const U* block = blocks + offset(g, r, n_rows);
                for (std::int64_t i = 0; i < n; ++i) row[g * n + i] = static_cast<T>(block[i]);
            }
            for (std::int64_t e = count * n; e < width; ++e) row[e] = T(0);
        }
    }

    // And back.
    template <class T>
    void scatter(const T* rows, std::int64_t n_rows, T* blocks) const {
        for (std::int64_t r = 0; r < n_rows; ++r) {
            for (std::int64_t g = 0; g < count; ++g) {
                T* block = blocks + offset(g, r, n_rows);
                for (std::int64_t i = 0; i < n; ++i) block[i] = rows[r * width + g * n + i];
            }
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
