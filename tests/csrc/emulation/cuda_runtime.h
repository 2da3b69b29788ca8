#pragma once
// CUDA on the host, for tests: enough of it to run the project's kernels without a device. The threads of a block are
// coroutines of one system thread, switched where they wait for each other, in an order that changes; blocks
// run one after another. What waits for somebody who never comes is an error, not a deadlock.
#include <ucontext.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
// `extern __shared__ uint4 shared_memory[]` is this program's own array.
#define __shared__

struct uint4 {
    unsigned x, y, z, w;
};
struct dim3 {
    unsigned x, y = 1, z = 1;
    explicit dim3(unsigned n) : x(n) {}
};

namespace emulated {

struct Index {
    unsigned x;
};
constexpr std::size_t shared_bytes = 232448;  // of a block of an H100
constexpr std::size_t stack_bytes = 1 << 16;

struct Copy {
    void* to;
    const void* from;
};
struct Thread {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    bool done = false;
    // Copies that have not come yet: those of lots that are ended, and of the one that is not.
    std::deque<std::vector<Copy>> lots;
    std::vector<Copy> begun;
};
struct Fragments {
    std::uint32_t a[4], b[2];
};

// Threads that wait for each other: `turn` counts the times that all have come.
struct Meeting {
    unsigned expected = 0, arrived = 0;
    std::uint64_t turn = 0;
    std::uint32_t gathering = 0, gathered = 0;
    std::uint64_t shown[2][32] = {};  // what each shows the others, in this turn and the one before
    Fragments fragments[2][32] = {};
};

struct Block {
    std::vector<Thread> threads;
    std::vector<Meeting> warps;
    Meeting all;
    ucontext_t scheduler;
    unsigned current = 0;
};
inline Block* block = nullptr;
inline int generation = 9;  // of the device: its compute capability is 9.0

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "emulated CUDA: %s\n", what);
    std::abort();
}

inline void yield() { swapcontext(&block->threads[block->current].context, &block->scheduler); }

// A copy may come at any time before it is waited for, also where nobody does: here, when it is begun or at a wait of
// all threads, so that whoever still reads, or has other things, where it goes is found out.
inline void await_copies(std::size_t pending);
inline void copies_come_by_chance() {
    static std::uint32_t luck = 1;
    luck = luck * 1664525u + 1013904223u;
    const std::size_t pending = block->threads[block->current].lots.size();
    if (luck >> 30 == 0 && pending > 0) await_copies(pending - 1);
}

inline void wait(Meeting& meeting) {
    const std::uint64_t turn = meeting.turn;
    if (++meeting.arrived == meeting.expected) {
        meeting.arrived = 0;
        meeting.gathered = meeting.gathering, meeting.gathering = 0;
        ++meeting.turn;
    }
    while (meeting.turn == turn) yield();
}

}  // namespace emulated

inline emulated::Index threadIdx, blockIdx, blockDim, gridDim;
inline void __syncthreads() {
    emulated::copies_come_by_chance();
    emulated::wait(emulated::block->all);
}
inline int __syncthreads_or(int any) {
    emulated::Meeting& all = emulated::block->all;
    all.gathering |= static_cast<std::uint32_t>(any != 0);
    emulated::wait(all);
    return static_cast<int>(all.gathered);
}
inline void __syncwarp() { emulated::wait(emulated::block->warps[threadIdx.x / 32]); }
inline std::uint32_t __ballot_sync(std::uint32_t mask, bool yes) {
    if (mask != 0xffffffffu) emulated::fail("a ballot of a part of a warp");
    emulated::Meeting& warp = emulated::block->warps[threadIdx.x / 32];
    warp.gathering |= static_cast<std::uint32_t>(yes) << (threadIdx.x % 32);
    emulated::wait(warp);
    return warp.gathered;
}
template <class V>
V __shfl_xor_sync(std::uint32_t mask, V value, unsigned other) {
    static_assert(sizeof value <= sizeof(std::uint64_t));
    if (mask != 0xffffffffu) emulated::fail("a shuffle of a part of a warp");
    emulated::Meeting& warp = emulated::block->warps[threadIdx.x / 32];
    std::uint64_t* shown = warp.shown[warp.turn % 2];
    std::memcpy(shown + threadIdx.x % 32, &value, sizeof value);
    emulated::wait(warp);
    std::memcpy(&value, shown + (threadIdx.x % 32 ^ other), sizeof value);
    return value;
}

namespace emulated {

// Of a number, what a matrix unit reads; and what is cut off from a sum.
inline double read(std::uint32_t bits) {
    bits &= 0xffffe000u;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
inline float cut_off(double sum) {
    const float nearest = static_cast<float>(sum);
    return std::fabs(static_cast<double>(nearest)) > std::fabs(sum) ? std::nextafterf(nearest, 0.0f) : nearest;
}
// What the units leave; what is not a number has all bits but the sign, as everywhere on these devices.
inline float result(double sum) {
    if (sum == sum) return cut_off(sum);
    const std::uint32_t bits = 0x7fffffffu;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// c += a b by the threads of a warp: see csrc/attention/cuda/fragments.hpp.
inline void multiply_fragments(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    Meeting& warp = block->warps[threadIdx.x / 32];
    Fragments* shown = warp.fragments[warp.turn % 2];
    const unsigned lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    std::memcpy(shown[lane].a, a, sizeof a);
    std::memcpy(shown[lane].b, b, sizeof b);
    wait(warp);
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned half = i / 2, column = 2 * t + i % 2;
        double sum = c[i];
        for (unsigned k = 0; k < 8; ++k)
            sum += read(shown[4 * g + k % 4].a[2 * (k / 4) + half]) * read(shown[4 * column + k % 4].b[k / 4]);
        c[i] = result(sum);
    }
}

// d (+)= a b' by the warps of a block: see csrc/attention/cuda/hopper_fragments.hpp.
inline double of_pieces(const float* at, int along, unsigned row, unsigned k) {
    std::uint32_t bits;
    std::memcpy(&bits, at + k / 4 * along + row / 8 * 32 + row % 8 * 4 + k % 4, sizeof bits);
    return read(bits);
}
template <int N, class FirstOf>
void multiply_pieces(float (&d)[N / 2], FirstOf first_of, const float* b, int b_along, bool add) {
    const unsigned g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    for (unsigned i = 0; i < N / 2; ++i) {
        const unsigned row = g + i / 2 % 2 * 8, column = i / 4 * 8 + 2 * t + i % 2;
        double sum = add ? d[i] : 0.0;
        for (unsigned k = 0; k < 8; ++k) sum += first_of(row, k) * of_pieces(b, b_along, column, k);
        d[i] = result(sum);
    }
}
template <int N>
void multiply_shared(float (&d)[N / 2], const float* a, const float* b, int a_along, int b_along, bool add) {
    const unsigned warp = threadIdx.x / 32;
    multiply_pieces<N>(
        d, [&](unsigned row, unsigned k) { return of_pieces(a, a_along, 16 * warp + row, k); }, b, b_along, add);
}
template <int N>
void multiply_held(float (&d)[N / 2], const std::uint32_t (&a)[4], const float* b, int b_along, bool add) {
    Meeting& warp = block->warps[threadIdx.x / 32];
    Fragments* shown = warp.fragments[warp.turn % 2];
    std::memcpy(shown[threadIdx.x % 32].a, a, sizeof a);
    wait(warp);
    multiply_pieces<N>(
        d, [&](unsigned row, unsigned k) { return read(shown[4 * (row % 8) + k % 4].a[k / 4 * 2 + row / 8]); }, b,
        b_along, add);
}

// Copies that come when they are waited for, or by chance before that: see copies_come_by_chance.
inline void copy_16_bytes(void* to, const void* from, bool here) {
    if (reinterpret_cast<std::uintptr_t>(to) % 16 != 0 || reinterpret_cast<std::uintptr_t>(from) % 16 != 0)
        fail("a copy of 16 bytes that are not aligned");
    block->threads[block->current].begun.push_back({to, here ? from : nullptr});
}
inline void end_of_copies() {
    Thread& thread = block->threads[block->current];
    thread.lots.push_back(std::move(thread.begun));
    thread.begun.clear();
    copies_come_by_chance();
}
inline void await_copies(std::size_t pending) {
    Thread& thread = block->threads[block->current];
    for (; thread.lots.size() > pending; thread.lots.pop_front()) {
        for (const Copy& copy : thread.lots.front())
            copy.from == nullptr ? std::memset(copy.to, 0, 16) : std::memcpy(copy.to, copy.from, 16);
    }
}

}  // namespace emulated

inline int __ffs(int word) { return __builtin_ffs(word); }
inline unsigned long long atomicMin(unsigned long long* at, unsigned long long value) {
    const unsigned long long was = *at;
    if (value < was) *at = value;
    return was;
}

enum cudaError_t { cudaSuccess, cudaErrorInvalidValue };
enum cudaDeviceAttr {
    cudaDevAttrMultiProcessorCount,
    cudaDevAttrMaxThreadsPerMultiProcessor,
    cudaDevAttrMaxBlocksPerMultiprocessor,
    cudaDevAttrMaxRegistersPerMultiprocessor,
    cudaDevAttrMaxSharedMemoryPerBlockOptin,
    cudaDevAttrMaxSharedMemoryPerMultiprocessor,
    cudaDevAttrComputeCapabilityMajor,
    cudaDevAttrComputeCapabilityMinor,
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
using cudaStream_t = void*;

inline cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaGetDevice(int* device) {
    *device = 0;
    return cudaSuccess;
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t error) {
    return error == cudaSuccess ? "no error" : "invalid argument";
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
    const int h100[] = {132, 2048, 32, 65536, static_cast<int>(emulated::shared_bytes), 233472, emulated::generation,
                        0};
    *value = h100[which];
    return cudaSuccess;
}
template <class F>
cudaError_t cudaFuncSetAttribute(F, cudaFuncAttribute, int bytes) {
    return static_cast<std::size_t>(bytes) <= emulated::shared_bytes ? cudaSuccess : cudaErrorInvalidValue;
}

namespace emulated {

template <class A>
struct Call {
    static inline void (*kernel)(A) = nullptr;
    static inline A* argument = nullptr;
    static void enter() {
        kernel(*argument);
        block->threads[block->current].done = true;
        for (;;) yield();
    }
};

void spoil_shared_memory();

// Until it waits or ends; gives 1 where it has ended now.
inline unsigned run_thread(unsigned thread) {
    Thread& one = block->threads[thread];
    if (one.done) return 0;
    block->current = thread;
    threadIdx = {thread};
    swapcontext(&block->scheduler, &one.context);
    return one.done;
}

template <class A>
void run_block(unsigned number, unsigned n_threads) {
    Block here;
    block = &here;
    blockIdx = {number};
    here.threads.resize(n_threads);
    here.warps.resize(n_threads / 32);
    for (Meeting& warp : here.warps) warp.expected = 32;
    here.all.expected = n_threads;
    spoil_shared_memory();
    for (Thread& thread : here.threads) {
        thread.stack.reset(new char[stack_bytes]);
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.get();
        thread.context.uc_stack.ss_size = stack_bytes;
        thread.context.uc_link = nullptr;
        makecontext(&thread.context, Call<A>::enter, 0);
    }
    // Warps in an order of their own in every round, each as far ahead of the others as it gets: so that no order is
    // taken for granted.
    unsigned left = n_threads, idle_rounds = 0, chance = 1;
    const unsigned n_warps = n_threads / 32;
    while (left > 0) {
        std::uint64_t turns = here.all.turn, turns_after = 0;
        const unsigned before = left;
        for (const Meeting& warp : here.warps) turns += warp.turn;
        chance = chance * 1664525u + 1013904223u;
        const unsigned first = (chance >> 8) % n_warps, backwards = chance >> 31;
        for (unsigned i = 0; i < n_warps; ++i) {
            const unsigned warp = (first + (backwards ? n_warps - i : i)) % n_warps;
            for (unsigned lap = 0; lap < 3; ++lap) {
                for (unsigned j = 0; j < 32; ++j) left -= run_thread(warp * 32 + ((chance >> 16) + j) % 32);
            }
        }
        for (const Meeting& warp : here.warps) turns_after += warp.turn;
        turns_after += here.all.turn;
        idle_rounds = turns == turns_after && left == before ? idle_rounds + 1 : 0;
        if (idle_rounds > 2) fail("threads wait for others that will not come");
    }
    block = nullptr;
}

}  // namespace emulated

template <class A>
cudaError_t cudaLaunchKernel(void (*kernel)(A), dim3 grid, dim3 threads, void** arguments, std::size_t bytes,
                             cudaStream_t) {
    if (threads.x == 0 || threads.x > 1024 || threads.x % 32 != 0 || bytes > emulated::shared_bytes)
        return cudaErrorInvalidValue;
    emulated::Call<A>::kernel = kernel;
    emulated::Call<A>::argument = static_cast<A*>(arguments[0]);
    blockDim = {threads.x}, gridDim = {grid.x};
    for (unsigned number = 0; number < grid.x; ++number) emulated::run_block<A>(number, threads.x);
    return cudaSuccess;
}
