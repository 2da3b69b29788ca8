#pragma once
#include "attention/cuda/fragments.hpp"

// What the matrix units of compute capability 9.0 take: the four warps of a block multiply together, 64 x 8 by 8 x N,
// and go on while the units work. A factor lies in shared memory as pieces of 8 rows by 16 bytes, each of 128 bytes in
// a row; or, of the first one, in registers, as in fragments.hpp.

namespace synfer::SYNFER_LEVEL {

constexpr int piece_floats = 32;

#if defined(__CUDACC__)
// Where a factor begins, from piece to piece along its sum (4 numbers), and from 8 rows to the next 8; in bytes,
// without the last four bits.
__device__ inline std::uint64_t described(const float* at, int along_sum, int along_rows) {
    const auto address = static_cast<std::uint64_t>(__cvta_generic_to_shared(at));
    return ((address & 0x3ffff) >> 4) | static_cast<std::uint64_t>(along_sum * 4 >> 4) << 16 |
           static_cast<std::uint64_t>(along_rows * 4 >> 4) << 32;
}
#endif

// What threads wrote to shared memory is seen by the units, after a barrier.
__device__ inline void show_to_units() {
#if defined(__CUDACC__)
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}
// Registers are as they should be before the units are told to use them; and all that they were told is done. The
// compiler takes results for made as soon as the units are told, so that it must be kept from using them sooner.
__device__ inline void begin_products() {
#if defined(__CUDACC__)
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
template <int n>
__device__ inline void end_products(float (&results)[n]) {
#if defined(__CUDACC__)
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
    for (int i = 0; i < n; ++i) asm volatile("" : "+f"(results[i]));
#endif
}

// d (+)= a b', a of 64 rows in shared memory, b of N: floats from piece to piece along the sum, those of 8 rows side by
// side. Lane 4 g + t of warp w holds d[16 w + g, 8 n + 2 t], and one to the right, and both 8 rows below.
template <int N>
__device__ void multiply_shared(float (&d)[N / 2], const float* a, const float* b, int a_along, int b_along, bool add);
// The same with a in registers.
template <int N>
__device__ void multiply_held(float (&d)[N / 2], const std::uint32_t (&a)[4], const float* b, int b_along, bool add);

#if defined(__CUDACC__)
template <>
__device__ inline void multiply_held<8>(float (&d)[4], const std::uint32_t (&a)[4], const float* b, int b_along,
                                        bool add) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %9, 0; wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, %8, p, 1, 1;}"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(described(b, b_along, piece_floats)),
          "r"(static_cast<int>(add)));
}
template <>
__device__ inline void multiply_held<16>(float (&d)[8], const std::uint32_t (&a)[4], const float* b, int b_along,
                                         bool add) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %13, 0; wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 "
        "{%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, %12, p, 1, 1;}"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(described(b, b_along, piece_floats)),
          "r"(static_cast<int>(add)));
}
template <>
__device__ inline void multiply_held<32>(float (&d)[16], const std::uint32_t (&a)[4], const float* b, int b_along,
                                         bool add) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %21, 0; wgmma.mma_async.sync.aligned.m64n32k8.f32.tf32.tf32 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, %18, %19}, %20, p, 1, 1;}"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
          "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(described(b, b_along, piece_floats)),
          "r"(static_cast<int>(add)));
}
template <>
__device__ inline void multiply_shared<64>(float (&d)[32], const float* a, const float* b, int a_along, int b_along,
                                           bool add) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %34, 0; wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, "
        "%23, %24, %25, %26, %27, %28, %29, %30, %31}, %32, %33, p, 1, 1;}"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
          "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),
          "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]),
          "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
        : "l"(described(a, a_along, piece_floats)), "l"(described(b, b_along, piece_floats)),
          "r"(static_cast<int>(add)));
}
template <>
__device__ inline void multiply_held<64>(float (&d)[32], const std::uint32_t (&a)[4], const float* b, int b_along,
                                         bool add) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %37, 0; wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, "
        "%23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, %35}, %36, p, 1, 1;}"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
          "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),
          "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]),
          "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(described(b, b_along, piece_floats)),
          "r"(static_cast<int>(add)));
}
#else
template <int N>
__device__ void multiply_shared(float (&d)[N / 2], const float* a, const float* b, int a_along, int b_along, bool add) {
    emulated::multiply_shared<N>(d, a, b, a_along, b_along, add);
}
template <int N>
__device__ void multiply_held(float (&d)[N / 2], const std::uint32_t (&a)[4], const float* b, int b_along, bool add) {
    emulated::multiply_held<N>(d, a, b, b_along, add);
}
#endif

}  // namespace synfer::SYNFER_LEVEL
