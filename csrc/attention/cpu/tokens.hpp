#pragma once
#include "attention/cpu/panels.hpp"

// Keys and values as the products take them: a tile of tokens at a time, some of its tokens at once.

namespace synfer::SYNFER_LEVEL {

// Sums held at a time for each of the up to three vectors of rows.
#if SYNFER_VECTOR_BYTES == 64
constexpr int sums_held = 8;
#else
constexpr int sums_held = 4;
#endif

constexpr std::int64_t tile =
    64;  // keys at a time: their scores, and the keys themselves, stay in the first-level cache

// Asks for the channels of a token long before they are needed: the processor foresees nothing beyond the end of a
// page.
template <class T>
SYNFER_DEVICE void foresee(const T* token, std::int64_t n_channels) {
    for (std::int64_t c = 0; c < n_channels; c += 64 / static_cast<std::int64_t>(sizeof(T))) {
        __builtin_prefetch(token + c, 0, 2);
    }
}

template <int I>
struct Count {
    static constexpr int value = I;
};

// Addresses of I tokens that an instruction can hold: one in four is a pointer, the others stand a multiple of the
// stride behind it. Left to itself the compiler keeps a multiple for each token, more than there are registers.
template <class T, int I>
struct Tokens {
    const T* fourth[(I + 3) / 4];
    std::int64_t stride, thrice;

    SYNFER_DEVICE explicit Tokens(Rows<T> from) : stride(from.stride), thrice(3 * from.stride) {
        for (int i = 0; i < (I + 3) / 4; ++i) {
            fourth[i] = from.data + 4 * i * stride;
            asm("" : "+r"(fourth[i]));
        }
        asm("" : "+r"(thrice));
    }
    SYNFER_DEVICE const T* at(int i) const {
        return fourth[i / 4] + (i % 4 == 0 ? 0 : i % 4 == 1 ? stride : i % 4 == 2 ? 2 * stride : thrice);
    }
};

}  // namespace synfer::SYNFER_LEVEL
