#pragma once
#include <cstdint>

#include "common/level.hpp"
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

// Vectors as wide as the instruction level's registers, in the notation that GCC and Clang share (+ - * < and
// conditional expressions work lane by lane), and the few operations that notation lacks. For kernels whose registers
// are blocked by hand; what a compiler vectorises by itself needs none of this.

namespace synfer::SYNFER_LEVEL {

#if defined(__AVX512F__)
#define SYNFER_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define SYNFER_VECTOR_BYTES 32
#else
#define SYNFER_VECTOR_BYTES 16
#endif

template <class T>
struct VectorTypes;
template <>
struct VectorTypes<float> {
    typedef float Value __attribute__((vector_size(SYNFER_VECTOR_BYTES)));
    typedef float Half __attribute__((vector_size(SYNFER_VECTOR_BYTES / 2)));
    typedef std::int32_t Int __attribute__((vector_size(SYNFER_VECTOR_BYTES)));
    typedef std::uint32_t Bits __attribute__((vector_size(SYNFER_VECTOR_BYTES)));
};
template <>
struct VectorTypes<double> {
    typedef double Value __attribute__((vector_size(SYNFER_VECTOR_BYTES)));
    typedef double Half __attribute__((vector_size(SYNFER_VECTOR_BYTES / 2)));
    typedef std::int64_t Int __attribute__((vector_size(SYNFER_VECTOR_BYTES)));
    typedef std::uint64_t Bits __attribute__((vector_size(SYNFER_VECTOR_BYTES)));
};
template <class T>
using Vector = typename VectorTypes<T>::Value;

template <class T>
using HalfVector = typename VectorTypes<T>::Half;
template <class T>
constexpr std::int64_t lanes = SYNFER_VECTOR_BYTES / static_cast<std::int64_t>(sizeof(T));

// No alignment is asked for.
template <class T>
SYNFER_DEVICE Vector<T> load(const T* from) {
    Vector<T> x;
    __builtin_memcpy(&x, from, sizeof x);
    return x;
}
template <class T>
SYNFER_DEVICE void store(T* to, Vector<T> x) {
    __builtin_memcpy(to, &x, sizeof x);
}
template <class T>
SYNFER_DEVICE Vector<T> broadcast(T x) {
    return x - Vector<T>{};  // x + 0 would turn -0 into 0, and so not be a mere broadcast to the compiler
}

// a * b + c, fused where the level has the instruction.
SYNFER_DEVICE Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
#if defined(__AVX512F__)
    return (Vector<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__) && defined(__FMA__)
    return (Vector<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}
SYNFER_DEVICE Vector<double> multiply_add(Vector<double> a, Vector<double> b, Vector<double> c) {
#if defined(__AVX512F__)
    return (Vector<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__) && defined(__FMA__)
    return (Vector<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}

// Of half a register: the compiler fuses nothing by itself (-ffp-contract=off).
SYNFER_DEVICE HalfVector<float> multiply_add(HalfVector<float> a, HalfVector<float> b, HalfVector<float> c) {
#if defined(__AVX512F__)
    return (HalfVector<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__AVX2__) && defined(__FMA__)
    return (HalfVector<float>)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#else
    return a * b + c;
#endif
}
SYNFER_DEVICE HalfVector<double> multiply_add(HalfVector<double> a, HalfVector<double> b, HalfVector<double> c) {
#if defined(__AVX512F__)
    return (HalfVector<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__AVX2__) && defined(__FMA__)
    return (HalfVector<double>)_mm_fmadd_pd((__m128d)a, (__m128d)b, (__m128d)c);
#else
    return a * b + c;
#endif
}

// The larger of each pair; b where a is not a number.
template <class V>
SYNFER_DEVICE V larger(V a, V b) {
    return a > b ? a : b;
}

// (a0, b0, a1, b1, ...) of two vectors, as two vectors.
SYNFER_DEVICE void interleave(Vector<float> a, Vector<float> b, Vector<float>& low, Vector<float>& high) {
#if SYNFER_VECTOR_BYTES == 64
    low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif SYNFER_VECTOR_BYTES == 32
    low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}
SYNFER_DEVICE void interleave(Vector<double> a, Vector<double> b, Vector<double>& low, Vector<double>& high) {
#if SYNFER_VECTOR_BYTES == 64
    low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#elif SYNFER_VECTOR_BYTES == 32
    low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#else
    low = __builtin_shufflevector(a, b, 0, 2);
    high = __builtin_shufflevector(a, b, 1, 3);
#endif
}

// And back, of one vector: (a0, b0, a1, b1, ...) to (a0, a1, ...) and (b0, b1, ...).
SYNFER_DEVICE void separate(Vector<float> x, HalfVector<float>& a, HalfVector<float>& b) {
#if SYNFER_VECTOR_BYTES == 64
    a = __builtin_shufflevector(x, x, 0, 2, 4, 6, 8, 10, 12, 14);
    b = __builtin_shufflevector(x, x, 1, 3, 5, 7, 9, 11, 13, 15);
#elif SYNFER_VECTOR_BYTES == 32
    a = __builtin_shufflevector(x, x, 0, 2, 4, 6);
    b = __builtin_shufflevector(x, x, 1, 3, 5, 7);
#else
    a = __builtin_shufflevector(x, x, 0, 2);
    b = __builtin_shufflevector(x, x, 1, 3);
#endif
}
SYNFER_DEVICE void separate(Vector<double> x, HalfVector<double>& a, HalfVector<double>& b) {
    for (std::int64_t i = 0; i < lanes<double> / 2; ++i) a[i] = x[2 * i], b[i] = x[2 * i + 1];
}

// (x, y, x, y, ...) of the pair at `from`.
SYNFER_DEVICE Vector<float> broadcast_pair(const float* from) {
    std::int64_t pair;
    __builtin_memcpy(&pair, from, sizeof pair);
    return (Vector<float>)(pair - VectorTypes<double>::Int{});
}
SYNFER_DEVICE Vector<double> broadcast_pair(const double* from) {
    Vector<double> pairs;
    for (int i = 0; i < lanes<double>; ++i) pairs[i] = from[i % 2];
    return pairs;
}

}  // namespace synfer::SYNFER_LEVEL
