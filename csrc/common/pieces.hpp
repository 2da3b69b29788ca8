#pragma once
#include <cstddef>
#include <cstdint>

#include "common/level.hpp"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace synfer::SYNFER_LEVEL {

// Memory handed out front to back, in pieces aligned to 64 bytes; with no memory it measures what would be needed.
// Under the address sanitizer a gap lies between any two, which may not be touched. Where pieces are guarded, nothing
// but themselves may be; elsewhere kernels may read, whole vectors at a time, what fills a piece's last 64 bytes.
template <bool guarded>
struct PiecesOf {
    char* memory;
    std::size_t used = 0;

    template <class T>
    SYNFER_DEVICE T* take(std::int64_t count) {
        T* piece = memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + used);
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T), room = (bytes + 63) / 64 * 64;
        used += room;
#ifdef __SANITIZE_ADDRESS__
        const std::size_t open = guarded ? bytes : room;
        used += 64;
        if (memory != nullptr) {
            ASAN_UNPOISON_MEMORY_REGION(piece, open);
            ASAN_POISON_MEMORY_REGION(reinterpret_cast<char*>(piece) + open, room - open + 64);
        }
#endif
        return piece;
    }
};

using Pieces = PiecesOf<false>;
using GuardedPieces = PiecesOf<true>;

}  // namespace synfer::SYNFER_LEVEL
