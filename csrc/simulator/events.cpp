#include "simulator/events.hpp"

#include <algorithm>
#include <new>

namespace synfer {

EventStore::EventStore(std::int64_t n_networks, std::int64_t n_units, const std::vector<std::int64_t>& units)
    : n_units_(n_units), pieces_(static_cast<std::size_t>(n_networks)) {
    if (units.empty()) return;
    places_.assign(static_cast<std::size_t>(n_units), -1);
    for (std::size_t place = 0; place < units.size(); ++place)
        places_[static_cast<std::size_t>(units[place])] = static_cast<std::int64_t>(place);
}

EventSink EventStore::sink() { return {take, this}; }

// Called from within a parallel region, which no exception may leave.
void EventStore::take(void* sink, std::int64_t first, std::int64_t step, const std::uint32_t* sources,
                      std::int64_t count) {
    auto& self = *static_cast<EventStore*>(sink);
    try {
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t source = sources[i], network = source / self.n_units_;
            std::int64_t unit = source - network * self.n_units_;
            if (!self.places_.empty()) unit = self.places_[static_cast<std::size_t>(unit)];
            if (unit >= 0) self.add(first + network, step, static_cast<std::uint32_t>(unit));
        }
    } catch (const std::bad_alloc&) {
#pragma omp atomic write
        self.failed_ = true;
    }
}

void EventStore::add(std::int64_t network, std::int64_t step, std::uint32_t unit) {
    constexpr std::size_t least = 64, most = std::size_t{1} << 16;
    std::vector<Piece>& pieces = pieces_[static_cast<std::size_t>(network)];
    if (pieces.empty() || pieces.back().units.size() == pieces.back().units.capacity()) {
        Piece fresh;
        const std::size_t room = pieces.empty() ? least : std::min(most, 4 * pieces.back().units.size());
        fresh.steps.reserve(room);
        fresh.units.reserve(room);
        pieces.push_back(std::move(fresh));
    }
    pieces.back().steps.push_back(step);
    pieces.back().units.push_back(unit);
}

std::int64_t EventStore::count() const {
    std::int64_t n = 0;
    for (const auto& pieces : pieces_) {
        for (const Piece& piece : pieces) n += static_cast<std::int64_t>(piece.units.size());
    }
    return n;
}

void EventStore::move_to(std::int64_t* network, std::int64_t* step, std::int64_t* unit) {
    for (std::size_t k = 0; k < pieces_.size(); ++k) {
        for (Piece& piece : pieces_[k]) {
            const auto n = piece.units.size();
            if (network != nullptr) network = std::fill_n(network, n, static_cast<std::int64_t>(k));
            step = std::copy(piece.steps.begin(), piece.steps.end(), step);
            unit = std::copy(piece.units.begin(), piece.units.end(), unit);
            piece = {};
        }
        pieces_[k] = {};
    }
}

}  // namespace synfer
