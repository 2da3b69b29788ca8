// Chooses the kernels' instruction level and shares the work out among threads.
#include "ensemble/ensemble.hpp"

#include <algorithm>

#include "common/buffer_pool.hpp"
#include "common/instruction_level.hpp"
#include "common/threads.hpp"

namespace synfer {
namespace {

template <class T>
const EnsembleKernels<T>& kernels() {
    const EnsembleLevel* level = &baseline::ensemble;
#ifdef SYNFER_X86_LEVELS
    if (instruction_level() == InstructionLevel::avx512) level = &avx512::ensemble;
    if (instruction_level() == InstructionLevel::avx2) level = &avx2::ensemble;
#endif
    if constexpr (sizeof(T) == sizeof(float)) {
        return level->single;
    } else {
        return level->full;
    }
}

// Tokens of a segment that sums are taken over: enough that packing the weights is little of the work.
constexpr std::int64_t segment_tokens = 768;
// Multiplications and elements below which waking a second thread takes longer than it saves.
constexpr double worth_a_thread = 400'000;

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Memory {
    void* data;
    explicit Memory(std::size_t bytes) : data(BufferPool::shared().take(std::max<std::size_t>(bytes, 64))) {}
    ~Memory() { BufferPool::shared().give_back(data); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
};

struct Share {
    std::int64_t n_groups, n_tokens, n_segments;

    std::int64_t n_tasks() const { return n_groups * n_segments; }
    Segment segment(std::int64_t task) const {
        const std::int64_t i = task % n_segments;
        return {task / n_segments, i * n_tokens / n_segments, (i + 1) * n_tokens / n_segments};
    }
};

// Does every task, each thread with a workspace of its own: run(task, workspace).
template <class Run>
void share_out(std::int64_t n_tasks, double work, std::size_t workspace_bytes, int n_threads, Run run) {
    const double worth = std::min(1e6, 1.0 + work / worth_a_thread);
    const int team = static_cast<int>(std::min({static_cast<std::int64_t>(worth), n_tasks, std::int64_t{n_threads}}));
    const std::size_t stride = (workspace_bytes + 63) / 64 * 64;
    const Memory workspaces(stride * static_cast<std::size_t>(team));
#pragma omp parallel for schedule(dynamic, 1) num_threads(team) if (team > 1)
    for (std::int64_t task = 0; task < n_tasks; ++task) {
        run(task, static_cast<char*>(workspaces.data) + stride * static_cast<std::size_t>(thread_number()));
    }
}

// Where nothing is summed over tokens, results do not depend on how they are cut.
template <class Shape>
Share by_threads(const Shape& s, int n_threads) {
    const std::int64_t wanted = s.n_groups >= 4 * n_threads ? 1 : divided_up(4 * n_threads, s.n_groups);
    return {s.n_groups, s.n_tokens, std::max<std::int64_t>(1, std::min(wanted, s.n_tokens / 48))};
}
template <class Shape>
Share by_tokens(const Shape& s) {
    return {s.n_groups, s.n_tokens, std::max<std::int64_t>(1, s.n_tokens / segment_tokens)};
}

template <class T>
double work(const Linear<T>& l) {
    double n_out = 0;
    for (int m = 0; m < l.n_maps; ++m) n_out += static_cast<double>(l.maps[m].n_out);
    return double(l.n_tokens) * double(l.n_groups) * double(l.n_in) * n_out / 16.0;
}
template <class T>
double work(const FeedForward<T>& f) {
    return double(f.n_tokens) * double(f.n_groups) * double(f.n_channels) * double(f.n_hidden) / 8.0;
}
template <class Shape>
double elements(const Shape& s) {
    return double(s.n_tokens) * double(s.n_groups) * double(s.n_channels);
}

// Sums over segments, then a task a group that finishes them.
template <class T, class Sum, class Finish>
void sum_up(const Share& share, std::int64_t n_sums, double work, std::size_t bytes, int n_threads, Sum sum,
            Finish finish) {
    const std::size_t size = (static_cast<std::size_t>(n_sums) * sizeof(T) + 63) / 64 * 64 / sizeof(T);
    const Memory sums(size * sizeof(T) * static_cast<std::size_t>(share.n_tasks()));
    T* const all = static_cast<T*>(sums.data);
    share_out(share.n_tasks(), work, bytes, n_threads, [&](std::int64_t task, void* workspace) {
        sum(share.segment(task), all + static_cast<std::size_t>(task) * size, workspace);
    });
    const double to_finish = double(n_sums) * double(share.n_tasks());
    share_out(share.n_groups, to_finish, 0, n_threads, [&](std::int64_t group, void*) {
        finish(group, all + static_cast<std::size_t>(group * share.n_segments) * size, share.n_segments);
    });
}

}  // namespace

template <class T>
void linear_forward(const Linear<T>& l, int n_threads) {
    const Share share = by_threads(l, n_threads);
    share_out(share.n_tasks(), work(l), kernels<T>().linear_bytes(l), n_threads,
              [&](std::int64_t task, void* memory) { kernels<T>().linear_forward(l, share.segment(task), memory); });
}

template <class T>
void linear_input_gradient(const Linear<T>& l, int n_threads) {
    const Share share = by_threads(l, n_threads);
    share_out(share.n_tasks(), work(l), kernels<T>().linear_bytes(l), n_threads,
              [&](std::int64_t task, void* memory) { kernels<T>().linear_input(l, share.segment(task), memory); });
}

template <class T>
void linear_weight_gradients(const Linear<T>& l, int n_threads) {
    const EnsembleKernels<T>& run = kernels<T>();
    sum_up<T>(
        by_tokens(l), run.linear_sums(l), work(l), run.linear_bytes(l), n_threads,
        [&](const Segment& s, T* sums, void* memory) { run.linear_weights(l, s, sums, memory); },
        [&](std::int64_t group, T* sums, std::int64_t n) { run.linear_finish(l, group, sums, n); });
}

template <class T>
void feed_forward(const FeedForward<T>& f, int n_threads) {
    const EnsembleKernels<T>& run = kernels<T>();
    const Share share = by_threads(f, n_threads);
    share_out(share.n_tasks(), work(f), run.feed_forward_bytes(f), n_threads,
              [&](std::int64_t task, void* memory) { run.feed_forward(f, share.segment(task), memory); });
}

template <class T>
void feed_forward_backward(const FeedForward<T>& f, int n_threads) {
    const EnsembleKernels<T>& run = kernels<T>();
    sum_up<T>(
        by_tokens(f), run.feed_forward_sums(f), work(f), run.feed_forward_bytes(f), n_threads,
        [&](const Segment& s, T* sums, void* memory) { run.feed_forward_backward(f, s, sums, memory); },
        [&](std::int64_t group, T* sums, std::int64_t n) { run.feed_forward_finish(f, group, sums, n); });
}

template <class T>
void moments(const Moments<T>& m, int n_threads) {
    // Cut by channels, each of which is summed by itself.
    const std::int64_t wanted = m.n_groups >= 4 * n_threads ? 1 : divided_up(4 * n_threads, m.n_groups);
    const Share share{m.n_groups, m.n_channels, std::max<std::int64_t>(1, std::min(wanted, m.n_channels / 16))};
    share_out(share.n_tasks(), elements(m), kernels<T>().moments_bytes(m), n_threads,
              [&](std::int64_t task, void* memory) { kernels<T>().moments(m, share.segment(task), memory); });
}

template <class T>
void add_affine(const Affine<T>& a, int n_threads) {
    const Share share = by_threads(a, n_threads);
    share_out(share.n_tasks(), elements(a), 0, n_threads,
              [&](std::int64_t task, void*) { kernels<T>().affine(a, share.segment(task)); });
}

template <class T>
void dropout(const Dropout<T>& d, int n_threads) {
    const Share share = by_threads(d, n_threads);
    share_out(share.n_tasks(), elements(d), kernels<T>().dropout_bytes(d), n_threads,
              [&](std::int64_t task, void* memory) { kernels<T>().dropout(d, share.segment(task), memory); });
}

template <class T>
double elements(const Embedding<T>& e) {
    return double(e.n_batch) * double(e.n_units) * double(e.n_lags) * double(e.n_groups) * double(e.n_channels);
}

template <class T>
void embedding(const Embedding<T>& e, int n_threads) {
    const std::int64_t wanted = e.n_groups >= 4 * n_threads ? 1 : divided_up(4 * n_threads, e.n_groups);
    const Share share{e.n_groups, e.n_batch, std::max<std::int64_t>(1, std::min(wanted, e.n_batch))};
    share_out(share.n_tasks(), elements(e), kernels<T>().embedding_bytes(e), n_threads,
              [&](std::int64_t task, void* memory) { kernels<T>().embedding(e, share.segment(task), memory); });
}

template <class T>
void embedding_backward(const Embedding<T>& e, int n_threads) {
    share_out(e.n_groups, elements(e), kernels<T>().embedding_bytes(e), n_threads,
              [&](std::int64_t group, void* memory) { kernels<T>().embedding_backward(e, group, memory); });
}

#define SYNFER_OF(T)                                                 \
    template void linear_forward(const Linear<T>&, int);             \
    template void linear_input_gradient(const Linear<T>&, int);      \
    template void linear_weight_gradients(const Linear<T>&, int);    \
    template void feed_forward(const FeedForward<T>&, int);          \
    template void feed_forward_backward(const FeedForward<T>&, int); \
    template void moments(const Moments<T>&, int);                   \
    template void add_affine(const Affine<T>&, int);                 \
    template void dropout(const Dropout<T>&, int);                   \
    template void embedding(const Embedding<T>&, int);               \
    template void embedding_backward(const Embedding<T>&, int);
SYNFER_OF(float)
SYNFER_OF(double)
#undef SYNFER_OF

}  // namespace synfer
