// Dropout on a CUDA device, the twin of elementwise.cpp's, by itself and in one pass with what stands beside it.
#include <cmath>

#include "common/cuda/launches.hpp"
#include "ensemble/cuda/launch.hpp"
#include "ensemble/drop.hpp"

namespace synfer::cuda {
namespace {

constexpr int threads = 256;
constexpr std::int64_t blocks_per_processor = 8;

template <class T>
struct Job {
    Dropout<T> dropout;
    Tokens<const T> beside;
    const std::uint32_t* advance;
};

// Phi(u), the standard normal distribution's.
template <class T>
__device__ T normal_below(T u) {
    return T(0.5) * (T(1) + erf(u * T(0.70710678118654752440)));
}

// What is written where x is kept (by what it is scaled) or dropped (by 0).
template <Beside beside_is, class T>
__device__ T dropped(T x, T beside, T by) {
    if constexpr (beside_is == Beside::gelu) return x * normal_below(x) * by;
    if constexpr (beside_is == Beside::gelu_gradient) {
        const T density = T(0.39894228040143267794) * exp(T(-0.5) * beside * beside);
        return x * (normal_below(beside) + beside * density) * by;
    }
    if constexpr (beside_is == Beside::sum) return beside + x * by;
    return x * by;
}

// A thread takes a Philox block of a token at a time, and the eight elements that it decides: neighbouring threads
// neighbouring channels. I counts the blocks: 32 bits are divided much faster than 64, where they are enough.
template <Beside beside_is, class T, class I>
__global__ void __launch_bounds__(threads) drop(const Job<T> job) {
    const Dropout<T>& d = job.dropout;
    Drop numbers = d.drop;
    if (job.advance != nullptr) numbers.step += *job.advance;
    const I blocks = static_cast<I>(drop_blocks(d.n_channels)), n_tokens = static_cast<I>(d.n_tokens);
    const I n = blocks * n_tokens * static_cast<I>(d.n_groups), stride = static_cast<I>(gridDim.x) * threads;
    const T scale = drop_scale<T>(numbers.threshold);
    for (I i = static_cast<I>(blockIdx.x) * threads + threadIdx.x; i < n; i += stride) {
        const I b = i % blocks, row = i / blocks, t = row % n_tokens, group = row / n_tokens;
        if (b >= d.n_channels) continue;
        constexpr bool two = beside_is == Beside::gelu_gradient || beside_is == Beside::sum;
        const Words w = drop_words(numbers, numbers.stream, group, t, b);
        const std::uint32_t words[] = {w.w0, w.w1, w.w2, w.w3};
        const T* const x = d.x.data + t * d.x.token_stride + group * d.x.group_stride;
        const T* const beside =
            two ? job.beside.data + t * job.beside.token_stride + group * job.beside.group_stride : nullptr;
        T* const y = d.y.data + t * d.y.token_stride + group * d.y.group_stride;
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            const std::int64_t channel = k * blocks + b;
            const std::uint32_t bits = k % 2 == 0 ? words[k / 2] & 0xffffu : words[k / 2] >> 16;
            const T by = bits >= numbers.threshold ? scale : T(0);
            if (channel < d.n_channels) y[channel] = dropped<beside_is>(x[channel], two ? beside[channel] : T(0), by);
        }
    }
}

template <Beside beside_is, class T>
const char* launch(const Job<T>& job, const Device& device) {
    const Dropout<T>& d = job.dropout;
    const std::int64_t n = drop_blocks(d.n_channels) * d.n_tokens * d.n_groups;
    const std::int64_t wanted = (n + threads - 1) / threads, most = device.processors * blocks_per_processor;
    Launches launch(device);
    auto* const kernel =
        n < std::int64_t{1} << 31 ? &drop<beside_is, T, std::uint32_t> : &drop<beside_is, T, std::int64_t>;
    launch(kernel, wanted < most ? wanted : most, threads, 0, job);
    return launch.problem();
}

}  // namespace

template <class T>
const char* dropout(const Dropout<T>& d, Beside beside_is, const Tokens<const T>& beside, const std::uint32_t* advance,
                    const Device& device) {
    const Job<T> job{d, beside, advance};
    switch (beside_is) {
        case Beside::gelu:
            return launch<Beside::gelu>(job, device);
        case Beside::gelu_gradient:
            return launch<Beside::gelu_gradient>(job, device);
        case Beside::sum:
            return launch<Beside::sum>(job, device);
        default:
            return launch<Beside::nothing>(job, device);
    }
}
template const char* dropout(const Dropout<float>&, Beside, const Tokens<const float>&, const std::uint32_t*,
                             const Device&);
template const char* dropout(const Dropout<double>&, Beside, const Tokens<const double>&, const std::uint32_t*,
                             const Device&);

}  // namespace synfer::cuda
