#include "common/buffer_pool.hpp"

#include <list>
#include <mutex>
#include <new>
#include <unordered_map>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#endif

namespace synfer {

namespace {
constexpr std::align_val_t alignment{64};
constexpr std::size_t granule = std::size_t{1} << 16;  // nearly equal requests share buffers
}  // namespace

struct BufferPool::State {
    struct Idle {
        void* buffer;
        std::size_t bytes;
    };
    mutable std::mutex mutex;
    std::size_t limit;
    std::size_t idle_bytes = 0;
    std::list<Idle> idle;  // oldest first
    std::unordered_map<void*, std::size_t> held;

    void free_oldest_beyond(std::size_t bytes) {
        while (idle_bytes > bytes) {
            idle_bytes -= idle.front().bytes;
            ::operator delete(idle.front().buffer, alignment);
            idle.pop_front();
        }
    }
};

BufferPool::BufferPool(std::size_t idle_limit) : state_(std::make_unique<State>()) { state_->limit = idle_limit; }

BufferPool::~BufferPool() { state_->free_oldest_beyond(0); }

void* BufferPool::take(std::size_t bytes) {
    State& s = *state_;
    const std::size_t rounded = (bytes / granule + 1) * granule;
    const std::lock_guard<std::mutex> lock(s.mutex);
    // The smallest that is large enough, but none twice too large: the rest of it would be lost to everyone.
    auto best = s.idle.end();
    for (auto it = s.idle.begin(); it != s.idle.end(); ++it) {
        if (it->bytes >= rounded && it->bytes / 2 <= rounded && (best == s.idle.end() || it->bytes < best->bytes))
            best = it;
    }
    if (best == s.idle.end()) {
        void* fresh = ::operator new(rounded, alignment);
        try {
            s.held.emplace(fresh, rounded);
        } catch (...) {
            ::operator delete(fresh, alignment);
            throw;
        }
        return fresh;
    }
    void* buffer = best->buffer;
    s.held.emplace(buffer, best->bytes);
    s.idle_bytes -= best->bytes;
    // Whoever held it may have left gaps between its pieces (common/pieces.hpp).
    ASAN_UNPOISON_MEMORY_REGION(buffer, best->bytes);
    s.idle.erase(best);
    return buffer;
}

void BufferPool::give_back(void* buffer) {
    State& s = *state_;
    const std::lock_guard<std::mutex> lock(s.mutex);
    const auto found = s.held.find(buffer);
    const std::size_t bytes = found->second;
    s.held.erase(found);
    ASAN_POISON_MEMORY_REGION(buffer, bytes);
    try {
        s.idle.push_back({buffer, bytes});
    } catch (...) {  // destructors call this, where no memory for the list must not end the process
        ASAN_UNPOISON_MEMORY_REGION(buffer, bytes);
        ::operator delete(buffer, alignment);
        return;
    }
    s.idle_bytes += bytes;
    s.free_oldest_beyond(s.limit);
}

std::size_t BufferPool::idle_bytes() const {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return state_->idle_bytes;
}

std::size_t BufferPool::idle_limit() const {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return state_->limit;
}

void BufferPool::set_idle_limit(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->limit = bytes;
    state_->free_oldest_beyond(bytes);
}

BufferPool& BufferPool::shared() {
    static BufferPool* pool = new BufferPool(std::size_t{1} << 30);
    return *pool;
}

}  // namespace synfer
