#pragma once
#include <cstddef>
#include <cstdint>

#include "common/level.hpp"

namespace synfer::SYNFER_LEVEL {

// Memory handed out front to back, in pieces aligned to 64 bytes; with no memory it measures what would be needed.
struct Pieces {
    char* memory;
    std::size_t used = 0;

    template <class T>
    SYNFER_DEVICE T* take(std::int64_t count) {
        T* piece = memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + used);
        used += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
        return piece;
    }
};

}  // namespace synfer::SYNFER_LEVEL
