#pragma once
#include "common/vector.hpp"
#include "simulator/cpu/layout.hpp"
#include "simulator/simulate.hpp"

// Brings spikes to their targets. What arrives at one target is added spike after spike, in the order of steps and, in
// a step, of sources: so that neither layout nor the number of threads changes a bit.

namespace synfer::SYNFER_LEVEL {

// Rows that take what arrives: (receptor, element), for delays counted from a step on.
template <class T>
struct Arrivals {
    T* rows;                    // (slot, receptor, element); one slot where the longest delay is 1
    std::int64_t slots, width;  // width of a row
    int n_receptors;

    // The rows that a spike of step k reaches after `delay`.
    T* at(std::int64_t k, std::int64_t delay) const { return rows + (k + delay) % slots * n_receptors * width; }
};

// All pairs: the weights of one source lie together, so that a spike adds one contiguous column. Columns are padded
// with zeros to whole vectors, and the padding too is added: to the rows of the next network, or to slack behind the
// last.
template <class T>
struct Columns {
    T* columns;                         // (receptor, network, source, unit here)
    std::uint8_t* any;                  // (receptor, network, source): whether a column is not zero
    std::int64_t n, height, n_columns;  // units here, their padded number, columns of a receptor
    int n_receptors;

    Columns(const Elements& at, int receptors, Workspace& workspace)
        : n(at.n),
          height((at.n + lanes<T> - 1) / lanes<T> * lanes<T>),
          n_columns(at.count * at.n_units),
          n_receptors(receptors) {
        columns = workspace.take<T>(receptors * n_columns * height);
        any = workspace.take<std::uint8_t>(receptors * n_columns);
    }

    // magnitude: negative weights lose their sign
    void fill(const Elements& at, const T* weights, bool magnitude) {
        constexpr std::int64_t tile = 16;  // rows read side by side
        for (std::int64_t c = 0; c < n_receptors * n_columns; ++c) any[c] = 0;
        for (std::int64_t g = 0; g < at.count; ++g) {
            const T* first = weights + ((at.first + g) * at.n_units + at.from) * at.n_units;
            for (std::int64_t i = 0; i < height; i += tile) {
                const std::int64_t given = n - i < tile ? n - i : tile, all = height - i < tile ? height - i : tile;
                for (std::int64_t j = 0; j < at.n_units; ++j) {
                    for (int r = 0; r < n_receptors; ++r) {
                        const std::int64_t column = r * n_columns + g * at.n_units + j;
                        T* to = columns + column * height + i;
                        bool some = false;
                        for (std::int64_t row = 0; row < all; ++row) {
                            const T w = row < given ? first[(i + row) * at.n_units + j] : T(0);
                            const bool mine = n_receptors == 1 || (w < T(0)) == (r == 1);
                            to[row] = !mine ? T(0) : magnitude && w < T(0) ? -w : w;
                            some = some || to[row] != T(0);
                        }
                        if (some) any[column] = 1;
                    }
                }
            }
        }
    }

    // A spike of source j = network here * n_units + unit.
    void deliver(std::int64_t j, std::int64_t g, T scale, const Arrivals<T>& to, T* rows) const {
        for (int r = 0; r < n_receptors; ++r) {
            const std::int64_t column = r * n_columns + j;
            if (n_receptors > 1 && any[column] == 0) continue;
            const T* w = columns + column * height;
            T* row = rows + r * to.width + g * n;
            const Vector<T> by = broadcast(scale);
            for (std::int64_t i = 0; i < height; i += lanes<T>)
                store(row + i,
                      multiply_add(by, load(w + i), load(row + i)));
        }
    }
};

// A list of edges.
template <class T>
struct Lists {
    const Wiring<T>& wiring;
    const Elements& at;
    std::int64_t *begins, *ends;  // (network, source): its edges to the units here
    bool magnitude;

    Lists(const Wiring<T>& w, const Elements& elements, bool listed, Workspace& workspace)
        : wiring(w), at(elements), magnitude(w.synapse.kind == SynapseKind::conductance) {
        begins = workspace.take<std::int64_t>(listed ? at.count * at.n_units : 0);
        ends = workspace.take<std::int64_t>(listed ? at.count * at.n_units : 0);
    }

    // A source's edges are sorted by target: those to the units here lie together.
    std::int64_t first_to(std::int64_t target, std::int64_t begin, std::int64_t end) const {
        while (begin < end) {
            const std::int64_t middle = begin + (end - begin) / 2;
            if (static_cast<std::int64_t>(wiring.targets[middle]) < target) {
                begin = middle + 1;
            } else {
                end = middle;
            }
        }
        return begin;
    }

    void load() const {
        const bool all = at.n == at.n_units;
        for (std::int64_t j = 0; j < at.count * at.n_units; ++j) {
            const std::int64_t* start = wiring.starts + at.first * at.n_units + j;
            begins[j] = all ? start[0] : first_to(at.from, start[0], start[1]);
            ends[j] = all ? start[1] : first_to(at.from + at.n, begins[j], start[1]);
        }
    }

    template <bool two_receptors, bool delayed>
    void add(std::int64_t begin, std::int64_t end, std::int64_t offset, T scale, std::int64_t k, const Arrivals<T>& to,
             T* rows) const {
        const std::uint32_t* targets = wiring.targets;
        const T* strengths = wiring.strengths;
        const T sign = magnitude ? T(-1) : T(1);
        const std::int64_t now = delayed ? k % to.slots : 0, slot = to.n_receptors * to.width;
        for (std::int64_t edge = begin; edge < end; ++edge) {
            T w = strengths[edge];
            T* row = rows + (static_cast<std::int64_t>(targets[edge]) + offset);
            if constexpr (two_receptors) {
                row += w < T(0) ? to.width : 0;
                w = w < T(0) ? sign * w : w;
            }
            if constexpr (delayed) {
                const std::int64_t later = now + wiring.delays[edge];
                row += (later >= to.slots ? later - to.slots : later) * slot;
            }
            *row = multiply_add(scale, w, *row);
        }
    }

    // A spike of the source at step k; rows: where it arrives, if there is one delay for all
    void deliver(std::int64_t j, std::int64_t g, T scale, std::int64_t k, const Arrivals<T>& to, T* rows) const {
        const std::int64_t offset = g * at.n - at.from;
        const bool two = to.n_receptors == 2;
        if (wiring.delays != nullptr) {
            two ? add<true, true>(begins[j], ends[j], offset, scale, k, to, to.rows)
                : add<false, true>(begins[j], ends[j], offset, scale, k, to, to.rows);
        } else {
            two ? add<true, false>(begins[j], ends[j], offset, scale, k, to, rows)
                : add<false, false>(begins[j], ends[j], offset, scale, k, to, rows);
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
