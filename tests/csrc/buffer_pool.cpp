// A buffer given back where there is no memory to remember it by: run by test_buffer_pool.py, it ends with 0.
#include "common/buffer_pool.hpp"

#include <cstdlib>
#include <new>

static bool none_left = false;

void* operator new(std::size_t bytes) {
    if (none_left) throw std::bad_alloc();
    return std::malloc(bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main() {
    synfer::BufferPool pool(std::size_t{1} << 30);
    void* buffer = pool.take(1000);
    none_left = true;
    pool.give_back(buffer);
    none_left = false;
    return pool.idle_bytes() == 0 && pool.take(1000) != nullptr ? 0 : 1;
}
