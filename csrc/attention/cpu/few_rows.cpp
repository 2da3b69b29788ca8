// Both passes over heads of few rows. Compiled once per instruction level (CMakeLists.txt): see common/level.hpp for
// what may not be used here. What is summed over lags, of the map and of the bias' gradient, is summed once a share.
#include "attention/cpu/few_mixing.hpp"
#include "attention/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
struct FewForward {
    FewHead<T> on;
    const Attention<T>& a;
    const bool in_turns;  // the map's sums are put by every so many heads: see heads_added
    T *map, *whole;       // (slice, row, key); what was put by, the same where so many heads never meet
    T* q_staging;
    std::int64_t n_slices;

    SYNFER_DEVICE FewForward(const Attention<T>& attention, std::int64_t slices, Pieces& pieces)
        : on(attention, pieces), a(attention), in_turns(many_heads(a)), n_slices(slices) {
        map = pieces.take<T>(n_slices * on.size);
        whole = in_turns ? pieces.take<T>(n_slices * on.size) : map;
        q_staging = pieces.take<T>(on.width * few);
    }

    SYNFER_DEVICE void clear_map() {
        clear(map, n_slices * on.size);
        if (in_turns) clear(whole, n_slices * on.size);
    }
    SYNFER_DEVICE void put_by() {
        for (std::int64_t i = 0; in_turns && i < n_slices * on.size; i += lanes<T>) {
            store(whole + i, load(whole + i) + load(map + i));
            store(map + i, Vector<T>{});
        }
    }
    // The slices of batch element b (0 where the map is reduced over it), from head `head` on, to where they belong.
    SYNFER_DEVICE void write_map(std::int64_t b, std::int64_t head, T* to) {
        put_by();
        const std::int64_t slice_heads = a.map_over_heads ? 1 : a.n_heads;
        for (std::int64_t i = 0; i < n_slices; ++i) {
            T* slice = to + (b * slice_heads + head + i) * a.n_rows * (a.n_keys / a.map_lags);
            on.add_lags(whole + i * on.size, a.map_lags, a.map_shared, slice);
        }
    }

    SYNFER_DEVICE void head(std::int64_t b, std::int64_t h, T* slice) {
        on.weigh(rows_of(a.q, b, h, 0, a.n_rows, a.d_key, q_staging), b, h);
        for (std::int64_t i = 0; slice != nullptr && i < on.size; i += lanes<T>) {
            store(slice + i, load(slice + i) + load(on.weights + i));
        }
        T* out = a.out.data + b * a.out.strides[0] + h * a.out.strides[1];
        mix_keys(on, on.weights, a.v, b, h, a.d_value, T(1), out, a.out.strides[2]);
    }

    SYNFER_DEVICE void run(const AttentionShare& share, T* to) {
        on.begin();
        const std::int64_t first_slice = a.map_over_heads ? 0 : share.head;
        if (to != nullptr) clear_map();
        std::int64_t added = 0;
        for (std::int64_t b = share.batch; b < share.batch_end; ++b) {
            for (std::int64_t h = share.head; h < share.head_end; ++h) {
                head(b, h, to == nullptr ? nullptr : map + (a.map_over_heads ? 0 : h - share.head) * on.size);
                if (to != nullptr && a.map_over_heads && ++added % heads_added == 0) put_by();
            }
            if (to != nullptr && !a.map_over_batch) {
                write_map(b, first_slice, to);
                clear_map();
            } else if (to != nullptr && !a.map_over_heads && ++added % heads_added == 0) {
                put_by();
            }
        }
        if (to != nullptr && a.map_over_batch) write_map(0, first_slice, to);
    }
};

template <class T>
struct FewBackward {
    FewHead<T> on;
    const Attention<T>& a;
    T *dscores, *dbias, *grad_map;  // (row, key)
    T *q_staging, *g_staging;       // (row, channel)

    SYNFER_DEVICE FewBackward(const Attention<T>& attention, Pieces& pieces) : on(attention, pieces), a(attention) {
        dscores = pieces.take<T>(on.size);
        dbias = a.dbias != nullptr ? pieces.take<T>(on.size) : nullptr;
        grad_map = a.grad_map != nullptr ? pieces.take<T>(on.size) : nullptr;
        q_staging = pieces.take<T>(on.width * few);
        g_staging = pieces.take<T>(on.width * few);
    }

    // dscores = dA, then dz.
    SYNFER_DEVICE void differentiate(Rows<T> g, std::int64_t b, std::int64_t h) {
        on.dot_tokens(g, a.v, b, h, a.d_value, T(1), [&](std::int64_t at, Vector<T> sum) SYNFER_INLINE {
            store(dscores + at, grad_map == nullptr ? sum : sum + load(grad_map + at));
        });
        for (std::int64_t r = 0; a.softmax && r < a.n_rows; ++r) {
            const T* w = on.weights + r * on.P;
            T* dz = dscores + r * on.P;
            Vector<T> mean{};
            for (std::int64_t s = 0; s < on.P; s += lanes<T>) mean = multiply_add(load(w + s), load(dz + s), mean);
            mean = joined<T>(mean, [](Vector<T> x, Vector<T> y) SYNFER_INLINE { return x + y; });
            for (std::int64_t s = 0; s < on.P; s += lanes<T>) store(dz + s, load(w + s) * (load(dz + s) - mean));
        }
        for (std::int64_t i = 0; dbias != nullptr && i < on.size; i += lanes<T>) {
            store(dbias + i, load(dbias + i) + load(dscores + i));
        }
    }

    SYNFER_DEVICE void head(std::int64_t b, std::int64_t h) {
        const auto at = [&](const Result4<T>& x) SYNFER_INLINE { return x.data + b * x.strides[0] + h * x.strides[1]; };
        const Rows<T> q = rows_of(a.q, b, h, 0, a.n_rows, a.d_key, q_staging);
        const Rows<T> g = rows_of(a.grad_out, b, h, 0, a.n_rows, a.d_value, g_staging);
        on.weigh(q, b, h);
        differentiate(g, b, h);
        mix_keys(on, dscores, a.k, b, h, a.d_key, a.scale, at(a.dq), a.dq.strides[2]);
        mix_rows(on, dscores, q, a.d_key, a.scale, at(a.dk), a.dk.strides[2]);
        mix_rows(on, on.weights, g, a.d_value, T(1), at(a.dv), a.dv.strides[2]);
    }

    SYNFER_DEVICE void run(const AttentionShare& share, T* dbias_to) {
        on.begin();
        if (dbias != nullptr) clear(dbias, on.size);
        std::int64_t held = -1;  // the slice that grad_map holds
        for (std::int64_t b = share.batch; b < share.batch_end; ++b) {
            for (std::int64_t h = share.head; h < share.head_end; ++h) {
                const std::int64_t slice =
                    (a.map_over_batch ? 0 : b) * (a.map_over_heads ? 1 : a.n_heads) + (a.map_over_heads ? 0 : h);
                if (grad_map != nullptr && slice != held) {
                    const std::int64_t columns = a.n_keys / a.map_lags;
                    on.repeat_lags(a.grad_map + slice * a.n_rows * columns, columns, 1, a.map_lags, T(1) / a.map_shared,
                                   grad_map);
                    held = slice;
                }
                head(b, h);
            }
        }
        if (dbias != nullptr) on.add_lags(dbias, a.bias_lags, T(1), dbias_to);
    }
};

}  // namespace

template <class T>
bool has_few_rows(const Attention<T>& a) {
    return few_rows(a);
}

template <class T>
std::size_t few_forward_bytes(const Attention<T>& a, std::int64_t n_slices) {
    Pieces pieces{nullptr};
    FewForward<T>(a, n_slices, pieces);
    return pieces.used;
}

template <class T>
void few_forward(const Attention<T>& a, const AttentionShare& share, T* map, void* workspace) {
    Pieces pieces{static_cast<char*>(workspace)};
    FewForward<T> pass(a, a.map == nullptr ? 0 : a.map_over_heads ? 1 : share.head_end - share.head, pieces);
    pass.run(share, map);
}

template <class T>
std::size_t few_backward_bytes(const Attention<T>& a) {
    Pieces pieces{nullptr};
    FewBackward<T>(a, pieces);
    return pieces.used;
}

template <class T>
void few_backward(const Attention<T>& a, const AttentionShare& share, T* dbias, void* workspace) {
    Pieces pieces{static_cast<char*>(workspace)};
    FewBackward<T> pass(a, pieces);
    pass.run(share, dbias);
}

#define SYNFER_FEW(T)                                                                    \
    template bool has_few_rows<T>(const Attention<T>&);                                  \
    template std::size_t few_forward_bytes<T>(const Attention<T>&, std::int64_t);        \
    template std::size_t few_backward_bytes<T>(const Attention<T>&);                     \
    template void few_forward<T>(const Attention<T>&, const AttentionShare&, T*, void*); \
    template void few_backward<T>(const Attention<T>&, const AttentionShare&, T*, void*);
SYNFER_FEW(float)
SYNFER_FEW(double)
#undef SYNFER_FEW

}  // namespace synfer::SYNFER_LEVEL
