#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "simulator/simulate.hpp"

namespace synfer {

// The memory that some threads simulate in: kept from one call to the next, whatever they simulate.
class Crew {
  public:
    explicit Crew(const Threads& threads) : threads_(threads) {}

    // As `simulate` of simulate.hpp; by one caller at a time.
    template <class T>
    Divergence simulate(const Kernels<T>&, const Simulation<T>&);

  private:
    struct AlignedDelete {
        void operator()(void* memory) const;
    };

    void reserve(int n, std::size_t bytes);
    template <class T>
    Divergence share_networks(const Kernels<T>&, const Simulation<T>&);
    template <class T>
    bool share_units(const Kernels<T>&, const Simulation<T>&, int n, Divergence& first);

    Threads threads_;
    std::vector<std::unique_ptr<void, AlignedDelete>> memory_;  // (thread), of `bytes_` each
    std::size_t bytes_ = 0;
};

}  // namespace synfer
