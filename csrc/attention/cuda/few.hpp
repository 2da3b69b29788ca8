#pragma once
#include "attention/cuda/plan.hpp"
#include "attention/cuda/scores.hpp"

// Heads of few rows and few keys, as where the lags of one unit attend among themselves: a tile of 64 tokens would be
// empty for the most part. A block has as many whole heads as there are threads for their rows. Their tokens go through
// shared memory, 16 bytes at a time in the order in which they lie, so that the device's memory is read and written
// once and in whole; a thread has a row, with all its weights in registers, and in the backward pass a key afterwards.

namespace synfer::SYNFER_LEVEL {

template <class T>
struct alignas(16) Piece {
    static constexpr int n = 16 / sizeof(T);
    T of[n];
};

// How a tensor lies.
struct FewLie {
    bool heads_together;  // heads lie closer to each other than tokens do
    // Its tokens are whole pieces, aligned as such, and none of a block's heads is further from the first batch element
    // among them than 32 bits count: so strides, of batch elements, heads and tokens, do too.
    bool in_pieces;
    int strides[3];
};

// What a kernel is told.
template <class T>
struct FewPass {
    Pass<T> pass;
    int heads, n_heads;                                           // of a block, and all of the whole batch
    Divisor by_heads, by_batch_heads, by_rows, by_keys, by_room;  // room: for keys
    FewLie q, k, v, grad_out, out, dq, dk, dv;
};

// Tokens of a block's heads in shared memory, (head, token, channel): room for C channels, and a piece beyond, so that
// threads that read the same channels of neighbouring tokens meet different banks.
template <class T, int C>
struct FewTile {
    static constexpr int pieces = C / Piece<T>::n;
    Piece<T>* at;
    int pitch;  // from head to head

    __device__ Piece<T>* token(int head, int t) const { return at + head * pitch + t * (pieces + 1); }
};

template <class T, int C>
__device__ inline FewTile<T, C> few_tile(SharedMemory<Piece<T>>& memory, int heads, int n_tokens) {
    const int pitch = few_pitch(n_tokens, FewTile<T, C>::pieces);
    return {memory.take(heads * pitch), pitch};
}

// The heads of a block: `here` from `first_head` of batch element `batch` on, counted through the batch.
template <class T, int C>
struct FewHeads {
    static constexpr int pieces = C / Piece<T>::n;
    const FewPass<T>& p;
    int here, batch, first_head;

    __device__ explicit FewHeads(const FewPass<T>& told) : p(told) {
        const int first = static_cast<int>(blockIdx.x) * p.heads;
        here = p.n_heads - first < p.heads ? p.n_heads - first : p.heads;
        batch = p.by_batch_heads.divide(first);
        first_head = first - batch * static_cast<int>(p.pass.a.n_heads);
    }

    // visit(batch element from `batch` on, head in it, head of the block, token, piece), each by some thread:
    // neighbours in memory by neighbouring threads.
    template <class Visit>
    __device__ void visit(bool heads_together, int n_tokens, Divisor by_tokens, const Visit& visit) const {
        const unsigned n = static_cast<unsigned>(p.heads * n_tokens * pieces);
        const Divisor by_inner = heads_together ? p.by_heads : by_tokens;
        const int n_inner = heads_together ? p.heads : n_tokens;
        for (unsigned i = threadIdx.x; i < n; i += few_threads) {
            const int at = static_cast<int>(i / pieces), piece = static_cast<int>(i % pieces);
            const int outer = by_inner.divide(at), inner = at - outer * n_inner;
            const int head = heads_together ? inner : outer, token = heads_together ? outer : inner;
            if (head >= here) continue;
            const int b = p.by_batch_heads.divide(first_head + head);
            visit(b, first_head + head - b * static_cast<int>(p.pass.a.n_heads), head, token, piece);
        }
    }

    // Tokens to shared memory; 0 in channels that there are not, and in tokens from n_tokens on, of `room`.
    __device__ void fetch(const FewTile<T, C>& to, const Tensor4& x, const FewLie& lie, int width, int n_tokens,
                          int room, Divisor by_room) const {
        const T* const data = static_cast<const T*>(x.data) + batch * x.strides[0];
        if (lie.in_pieces) {
            visit(lie.heads_together, room, by_room, [&](int b, int h, int head, int token, int piece) {
                const int at = b * lie.strides[0] + h * lie.strides[1] + token * lie.strides[2] + piece * Piece<T>::n;
                const bool is_there = token < n_tokens && piece * Piece<T>::n < width;
                copy_16_bytes(to.token(head, token) + piece, data + (is_there ? at : 0), is_there);
            });
            return;
        }
        visit(lie.heads_together, room, by_room, [&](int b, int h, int head, int token, int piece) {
            const int first = piece * Piece<T>::n;
            const T* const from = data + b * x.strides[0] + h * x.strides[1] + token * x.strides[2];
            Piece<T> numbers;
#pragma unroll
            for (int c = 0; c < Piece<T>::n; ++c) {
                const bool is_there = token < n_tokens && first + c < width && x.data != nullptr;
                numbers.of[c] = is_there ? from[(first + c) * x.strides[3]] : T(0);
            }
            to.token(head, token)[piece] = numbers;
        });
    }
    // All that was fetched has come, for all threads.
    __device__ void arrived() const {
        end_of_copies();
        await_copies<0>();
        __syncthreads();
    }

    // Tokens from shared memory to where they belong.
    __device__ void store(const FewTile<T, C>& from, const Result4<T>& x, const FewLie& lie, int width, int n_tokens,
                          Divisor by_tokens) const {
        T* const data = x.data + batch * x.strides[0];
        if (lie.in_pieces) {
            visit(lie.heads_together, n_tokens, by_tokens, [&](int b, int h, int head, int token, int piece) {
                const int at = b * lie.strides[0] + h * lie.strides[1] + token * lie.strides[2] + piece * Piece<T>::n;
                if (piece * Piece<T>::n < width)
                    *reinterpret_cast<Piece<T>*>(data + at) = from.token(head, token)[piece];
            });
            return;
        }
        visit(lie.heads_together, n_tokens, by_tokens, [&](int b, int h, int head, int token, int piece) {
            const int first = piece * Piece<T>::n;
            const Piece<T> numbers = from.token(head, token)[piece];
            T* const to = data + b * x.strides[0] + h * x.strides[1] + token * x.strides[2];
#pragma unroll
            for (int c = 0; c < Piece<T>::n; ++c) {
                if (first + c < width) to[first + c] = numbers.of[c];
            }
        });
    }
};

// product[s] = the scalar product of a token with each key's, channels in turn.
template <class T, int C, int K>
__device__ inline void dot_keys(const Piece<T>* token, const FewTile<T, C>& keys, int head, T (&product)[K]) {
    constexpr int pieces = FewTile<T, C>::pieces;
    Piece<T> own[pieces];
#pragma unroll
    for (int i = 0; i < pieces; ++i) own[i] = token[i];
#pragma unroll
    for (int s = 0; s < K; ++s) {
        product[s] = T(0);
#pragma unroll
        for (int i = 0; i < pieces; ++i) {
            const Piece<T> other = keys.token(head, s)[i];
#pragma unroll
            for (int c = 0; c < Piece<T>::n; ++c) product[s] = multiply_add(own[i].of[c], other.of[c], product[s]);
        }
    }
}

// sum += weight * token
template <class T, int pieces>
__device__ inline void add_token(Piece<T> (&sum)[pieces], T weight, const Piece<T>* token) {
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
        const Piece<T> other = token[i];
#pragma unroll
        for (int c = 0; c < Piece<T>::n; ++c) sum[i].of[c] = multiply_add(weight, other.of[c], sum[i].of[c]);
    }
}

template <class T, int pieces>
__device__ inline void put_token(Piece<T>* token, const Piece<T> (&sum)[pieces], T factor) {
#pragma unroll
    for (int i = 0; i < pieces; ++i) {
        Piece<T> scaled = sum[i];
#pragma unroll
        for (int c = 0; c < Piece<T>::n; ++c) scaled.of[c] *= factor;
        token[i] = scaled;
    }
}

// z, products of a row's query and the keys, become its weights but for a factor, which is given: 0 where there is no
// key.
template <class T, int K>
__device__ inline T to_weights(const Pass<T>& p, int row, T (&z)[K]) {
    const Attention<T>& a = p.a;
    const int S = static_cast<int>(a.n_keys);
    const T* const bias = a.bias == nullptr ? nullptr : a.bias + row * a.bias_strides[0];
    const T beyond = a.softmax ? nothing<T>() : T(0);
    T top = nothing<T>();
#pragma unroll
    for (int s = 0; s < K; ++s) {
        if (bias == nullptr) {
            z[s] *= p.factor;
        } else if (s < S) {
            z[s] = multiply_add(z[s], p.factor, bias[p.bias_lags.divide(s) * a.bias_strides[1]]);
        }
        z[s] = s < S ? z[s] : beyond;
        top = larger(top, z[s]);
    }
    if (!a.softmax) return T(1);
    top = base_of(top);
    T sum = T(0);
#pragma unroll
    for (int s = 0; s < K; ++s) z[s] = exponential_below(p, z[s], top), sum += z[s];
    return sum == T(0) ? T(0) : T(1) / sum;
}

}  // namespace synfer::SYNFER_LEVEL
