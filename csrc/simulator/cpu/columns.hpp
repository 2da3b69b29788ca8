#pragma once
#include "common/vector.hpp"
#include "simulator/cpu/delivery.hpp"

namespace synfer::SYNFER_LEVEL {

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
                store(row + i, multiply_add(by, load(w + i), load(row + i)));
        }
    }
};

}  // namespace synfer::SYNFER_LEVEL
