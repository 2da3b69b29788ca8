#pragma once
#include "common/philox.hpp"
#include "common/vector.hpp"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Philox4x32-10 of a vector of counters at a time, to the same bits as philox4x32. The multiplier that processors have
// takes 32 bits out of each 64, so even and odd counters go in vectors of their own, and what a round leaves in the
// upper halves is never cleared: the next multiplication does not read it. That is a third of the work of the loop that
// a compiler makes of philox4x32.

namespace synfer::SYNFER_LEVEL {

using Counters = VectorTypes<float>::Bits;
typedef std::uint64_t Pairs __attribute__((vector_size(SYNFER_VECTOR_BYTES)));
constexpr std::int64_t counters_at_once = SYNFER_VECTOR_BYTES / 4;

// The products of the lower halves.
SYNFER_DEVICE Pairs multiply_low(Pairs a, Pairs b) {
#if SYNFER_VECTOR_BYTES == 64
    return (Pairs)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif SYNFER_VECTOR_BYTES == 32
    return (Pairs)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (Pairs)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

SYNFER_DEVICE Pairs exclusive_or(Pairs a, Pairs b, Pairs c) {
#if SYNFER_VECTOR_BYTES == 64
    return (Pairs)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
#else
    return a ^ b ^ c;
#endif
}

// The lower halves of even and odd, by turns.
SYNFER_DEVICE Counters merge(Pairs even, Pairs odd) {
#if SYNFER_VECTOR_BYTES == 64
    return (Counters)_mm512_mask_shuffle_epi32((__m512i)even, 0xAAAA, (__m512i)odd, _MM_PERM_CCAA);
#else
    return (Counters)((even & 0xffffffffu) | (odd << 32));
#endif
}

struct WordVectors {
    Counters w[4];
};

struct PhiloxHalf {
    Pairs c0, c1, c2, c3;

    SYNFER_DEVICE void round(std::uint32_t key0, std::uint32_t key1) {
        const Pairs even = multiply_low(Pairs{} + 0xD2511F53u, c0), odd = multiply_low(Pairs{} + 0xCD9E8D57u, c2);
        c0 = exclusive_or(odd >> 32, c1, Pairs{} + key0);
        c1 = odd;
        c2 = exclusive_or(even >> 32, c3, Pairs{} + key1);
        c3 = even;
    }
};

// Of the counters (id, unit, block, stream); ids and units may lie anywhere.
SYNFER_DEVICE WordVectors philox4x32(const std::uint32_t* ids, const std::uint32_t* units, std::uint32_t block,
                                     std::uint32_t stream, std::uint32_t key0, std::uint32_t key1) {
    Pairs id, unit;
    __builtin_memcpy(&id, ids, sizeof id);
    __builtin_memcpy(&unit, units, sizeof unit);
    const Pairs third = Pairs{} + block, fourth = Pairs{} + stream;
    PhiloxHalf even{id, unit, third, fourth}, odd{id >> 32, unit >> 32, third, fourth};
#pragma GCC unroll 10
    for (int i = 0; i < 10; ++i) {
        even.round(key0, key1);
        odd.round(key0, key1);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return {{merge(even.c0, odd.c0), merge(even.c1, odd.c1), merge(even.c2, odd.c2), merge(even.c3, odd.c3)}};
}

}  // namespace synfer::SYNFER_LEVEL
