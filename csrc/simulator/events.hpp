#pragma once
#include <cstdint>
#include <vector>

#include "simulator/recorded.hpp"

namespace synfer {

// Spikes one by one, as they come; nothing is moved as they grow more.
class EventStore {
  public:
    // Of some units, rising, of n_units; all of them where there are none.
    EventStore(std::int64_t n_networks, std::int64_t n_units, const std::vector<std::int64_t>& units);

    EventSink sink();
    bool failed() const { return failed_; }  // there was too little memory for one
    std::int64_t count() const;
    // Writes those of all networks, network by network, and forgets them. (event) each; unit counts among the units
    // recorded. network may be null.
    void move_to(std::int64_t* network, std::int64_t* step, std::int64_t* unit);

  private:
    struct Piece {
        std::vector<std::int64_t> steps;
        std::vector<std::uint32_t> units;
    };
    static void take(void* sink, std::int64_t first, std::int64_t step, const std::uint32_t* sources,
                     std::int64_t count);
    void add(std::int64_t network, std::int64_t step, std::uint32_t unit);

    std::int64_t n_units_;
    std::vector<std::int64_t> places_;        // (unit): its place among those recorded, or -1; empty: all are
    std::vector<std::vector<Piece>> pieces_;  // (network)
    bool failed_ = false;
};

}  // namespace synfer
