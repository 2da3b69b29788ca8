// Dropout on a CUDA device: the twin of elementwise.cpp's.
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
    const std::uint32_t* advance;
};

// A thread takes a Philox block of a token at a time, and the eight elements that it decides: neighbouring threads
// neighbouring channels. I counts the blocks: 32 bits are divided much faster than 64, where they are enough.
template <class T, class I>
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
        const Words w = drop_words(numbers, numbers.stream, group, t, b);
        const std::uint32_t words[] = {w.w0, w.w1, w.w2, w.w3};
        const T* const x = d.x.data + t * d.x.token_stride + group * d.x.group_stride;
        T* const y = d.y.data + t * d.y.token_stride + group * d.y.group_stride;
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            const std::int64_t channel = k * blocks + b;
            const std::uint32_t bits = k % 2 == 0 ? words[k / 2] & 0xffffu : words[k / 2] >> 16;
            if (channel < d.n_channels) y[channel] = x[channel] * (bits >= numbers.threshold ? scale : T(0));
        }
    }
}

}  // namespace

template <class T>
const char* dropout(const Dropout<T>& d, const std::uint32_t* advance, const Device& device) {
    const std::int64_t n = drop_blocks(d.n_channels) * d.n_tokens * d.n_groups;
    const std::int64_t wanted = (n + threads - 1) / threads, most = device.processors * blocks_per_processor;
    Launches launch(device);
    auto* const kernel = n < std::int64_t{1} << 31 ? &drop<T, std::uint32_t> : &drop<T, std::int64_t>;
    launch(kernel, wanted < most ? wanted : most, threads, 0, Job<T>{d, advance});
    return launch.problem();
}
template const char* dropout(const Dropout<float>&, const std::uint32_t*, const Device&);
template const char* dropout(const Dropout<double>&, const std::uint32_t*, const Device&);

}  // namespace synfer::cuda
