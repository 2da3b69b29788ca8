#pragma once
#include <cstddef>
#include <memory>

// Memory for results, used again once nobody holds it. The first touch of fresh memory costs more than simulating what
// goes into it (the system clears each page then), so what a result leaves behind is kept for the next one.

namespace synfer {

class BufferPool {
  public:
    explicit BufferPool(std::size_t idle_limit);
    ~BufferPool();

    // At least `bytes`, aligned to 64, contents undefined. Throws std::bad_alloc.
    void* take(std::size_t bytes);
    // Back from its last holder. The oldest idle buffers are freed where the limit would be passed.
    void give_back(void* buffer);

    std::size_t idle_bytes() const;
    std::size_t idle_limit() const;
    // Frees what lies idle beyond the new limit; 0 empties the pool and turns it off.
    void set_idle_limit(std::size_t bytes);

    // The process's pool; never destroyed, for arrays may outlive everything else.
    static BufferPool& shared();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace synfer
