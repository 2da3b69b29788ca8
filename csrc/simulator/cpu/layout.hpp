#pragma once
#include <cstddef>
#include <cstdint>

#include "common/level.hpp"

// How the kernels lay networks out in memory: several small ones side by side, so that loops across their units fill
// the vectors, padded to a whole number of them.

namespace synfer::SYNFER_LEVEL {

// n rounded up to fill pieces of 64 bytes, the widest vectors there are.
template <class T>
constexpr std::int64_t padded(std::int64_t n) {
    constexpr std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(T));
    return (n + lanes - 1) / lanes * lanes;
}

// Memory handed out front to back, in pieces aligned to 64 bytes; with no memory it measures what would be needed.
struct Workspace {
    char* memory;
    std::size_t used = 0;

    template <class T>
    T* take(std::int64_t count) {
        T* piece = memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + used);
        used += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
        return piece;
    }
};

// Networks [first, first + count) of n units side by side: element e = (network - first) * n + unit, then padding up to
// `width` elements. The padding is computed like the rest, and never recorded or delivered.
struct Elements {
    std::int64_t first, count, n, width;
    std::uint32_t *ids, *units;  // (element): of its network, and its number there; what keys its random numbers

    template <class T>
    static Elements of(std::int64_t first, std::int64_t count, std::int64_t n, Workspace& workspace) {
        const std::int64_t width = padded<T>(count * n);
        std::uint32_t* ids = workspace.take<std::uint32_t>(width);
        return {first, count, n, width, ids, workspace.take<std::uint32_t>(width)};
    }

    // network_ids (network) of the whole batch
    void load_ids(const std::uint32_t* network_ids) const {
        for (std::int64_t e = 0; e < width; ++e) {
            const bool real = e < count * n;
            ids[e] = real ? network_ids[first + e / n] : 0;
            units[e] = real ? static_cast<std::uint32_t>(e % n) : 0;
        }
    }

    // rows (row, element) from blocks (network, row, unit) of the whole batch; the padding becomes 0.
    template <class T>
    void gather(const T* blocks, std::int64_t n_rows, T* rows) const {
        for (std::int64_t r = 0; r < n_rows; ++r) {
            T* row = rows + r * width;
            for (std::int64_t g = 0; g < count; ++g) {
                const T* block = blocks + ((first + g) * n_rows + r) * n;
                for (std::int64_t i = 0; i < n; ++i) row[g * n + i] = block[i];
            }
            for (std::int64_t e = count * n; e < width; ++e) row[e] = T(0);
        }
    }

    // And back.
    template <class T>
    void scatter(const T* rows, std::int64_t n_rows, T* blocks) const {
        for (std::int64_t r = 0; r < n_rows; ++r) {
            for (std::int64_t e = 0; e < count * n; ++e)
                blocks[((first + e / n) * n_rows + r) * n + e % n] = rows[r * width + e];
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
