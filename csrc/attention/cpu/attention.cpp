// Chooses the kernels' instruction level and shares the work out among threads.
#include "attention/attention.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "common/buffer_pool.hpp"
#include "common/instruction_level.hpp"
#include "common/threads.hpp"

namespace synfer {

namespace {

const AttentionLevel& attention_level() {
    switch (instruction_level()) {
#ifdef SYNFER_X86_LEVELS
        case InstructionLevel::avx512:
            return avx512::attention;
        case InstructionLevel::avx2:
            return avx2::attention;
#endif
        default:
            return baseline::attention;
    }
}

template <class T>
const AttentionSort<T>& sort() {
    if constexpr (sizeof(T) == sizeof(float)) {
        return attention_level().single;
    } else {
        return attention_level().full;
    }
}

template <class T>
const AttentionKernels<T>& kernels(const Attention<T>& a) {
    return sort<T>().has_few_rows(a) ? sort<T>().few : sort<T>().many;
}

// Shares enough to keep many threads busy to the end, few enough that what each begins with (packing the bias and the
// map's gradient, writing its map) is little of its work. Not the number of threads: the results would depend on it.
constexpr std::int64_t shares_wanted = 48;
// For what shares sum privately, the map or the bias' gradient, all of them together.
constexpr std::int64_t private_bytes = 16 << 20;
// For the slices of the map that one share holds.
constexpr std::int64_t slices_bytes = 512 << 10;
// Heads that a share has at least, where the map keeps them apart: neighbours' keys often lie in the same cache lines.
constexpr std::int64_t neighbours = 8;
// Heads that a share has at most: what it adds up, one head after the other, loses more digits the more there are.
constexpr std::int64_t heads_summed = 512;
// Multiplications of vectors below which waking a second thread takes longer than it saves.
constexpr std::int64_t worth_a_thread = 400'000;

struct Workspaces {
    std::vector<void*> memory;

    Workspaces(int n, std::size_t bytes) {
        memory.reserve(static_cast<std::size_t>(n));
        for (int i = 0; i < n; ++i) memory.push_back(BufferPool::shared().take(bytes));
    }
    ~Workspaces() {
        for (void* m : memory) BufferPool::shared().give_back(m);
    }
    Workspaces(const Workspaces&) = delete;
    Workspaces& operator=(const Workspaces&) = delete;
};

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// How many threads the work keeps busy.
template <class T>
std::int64_t threads_worth(const Attention<T>& a) {
    const std::int64_t rows = sort<T>().has_few_rows(a) ? 2 * a.n_rows : divided_up(a.n_rows, 16) * 16;
    const double products = double(a.n_batch) * double(a.n_heads) * double(rows) * double(a.n_keys) *
                            double(a.d_key + a.d_value + 16) / 16.0;
    return static_cast<std::int64_t>(std::min(1e6, 1.0 + products / double(worth_a_thread)));
}

// Several shares for each thread that the work keeps busy, of which there are `most` at most.
template <class T>
std::int64_t wanted_shares(const Attention<T>& a, std::int64_t most = shares_wanted) {
    return std::max(std::min(most, 4 * threads_worth(a)), divided_up(a.n_batch * a.n_heads, heads_summed));
}

template <class T>
int team_size(const Attention<T>& a, std::int64_t n_shares, int n_threads) {
    return static_cast<int>(std::min({std::int64_t{n_threads}, n_shares, threads_worth(a)}));
}

// Into how many chunks the batch and the heads are cut.
struct Chunks {
    std::int64_t batch, heads;
};

// Cuts the axis that a share's own sums are not reduced over first: the pieces of the other one each need a sum of
// their own, of which there may be `most_sums`.
template <class T>
Chunks chunks_of(const Attention<T>& a, std::int64_t wanted, bool batch_reduced, bool heads_reduced,
                 std::int64_t most_sums) {
    Chunks chunks{1, 1};
    std::int64_t sums = 1;
    const auto cut = [&](std::int64_t& axis, std::int64_t most, bool reduced) {
        std::int64_t n = std::min(most, divided_up(wanted, chunks.batch * chunks.heads));
        if (reduced) n = std::max<std::int64_t>(1, std::min(n, most_sums / sums));
        if (reduced) sums *= n;
        axis = n;
    };
    if (batch_reduced && !heads_reduced) {
        cut(chunks.heads, divided_up(a.n_heads, neighbours), false);
        cut(chunks.batch, a.n_batch, true);
    } else {
        cut(chunks.batch, a.n_batch, batch_reduced);
        cut(chunks.heads, a.n_heads, heads_reduced);
    }
    return chunks;
}

AttentionShare share_of(const Chunks& chunks, std::int64_t batch_chunk, std::int64_t head_chunk, std::int64_t n_batch,
                        std::int64_t n_heads, std::int64_t group) {
    return {batch_chunk * n_batch / chunks.batch, (batch_chunk + 1) * n_batch / chunks.batch,
            head_chunk * n_heads / chunks.heads, (head_chunk + 1) * n_heads / chunks.heads, group};
}

// to = the sum of n_sums arrays of `count`, one behind the other, added in that order, over `divisor`.
template <class T>
void add_up(const T* sums, std::int64_t n_sums, std::int64_t count, T divisor, T* to, int team) {
    constexpr std::int64_t width = 512;  // of a strip whose sums stay in the first-level cache
#pragma omp parallel for schedule(static) num_threads(team) if (team > 1 && count * n_sums > 200'000)
    for (std::int64_t first = 0; first < count; first += width) {
        const std::int64_t n = std::min(width, count - first);
        double sum[width] = {};
        for (std::int64_t p = 0; p < n_sums; ++p) {
            const T* from = sums + p * count + first;
            for (std::int64_t i = 0; i < n; ++i) sum[i] += static_cast<double>(from[i]);
        }
        for (std::int64_t i = 0; i < n; ++i) to[first + i] = static_cast<T>(sum[i] / static_cast<double>(divisor));
    }
}

}  // namespace

template <class T>
void attention_forward(const Attention<T>& a, int n_threads) {
    const AttentionKernels<T>& run = kernels(a);
    const std::int64_t n_groups = run.forward_groups(a);
    const bool mapped = a.map != nullptr;
    const std::int64_t columns = a.n_keys / a.map_lags;
    const std::int64_t map_size =
        (a.map_over_batch ? 1 : a.n_batch) * (a.map_over_heads ? 1 : a.n_heads) * a.n_rows * columns;
    const std::int64_t bytes = std::max<std::int64_t>(1, map_size * static_cast<std::int64_t>(sizeof(T)));
    // A share's own sum of a map as wide as the keys costs as much as several of its heads.
    const std::int64_t wanted = wanted_shares(a, mapped && a.map_lags < 4 ? 16 : shares_wanted);
    Chunks chunks = chunks_of(a, divided_up(wanted, n_groups), mapped && a.map_over_batch, mapped && a.map_over_heads,
                              std::max<std::int64_t>(1, private_bytes / bytes));
    if (mapped && !a.map_over_heads) {
        // Of few rows, all weights and what was put by; else, sums over lags of one block.
        const std::int64_t numbers = sort<T>().has_few_rows(a) ? 2 * a.n_rows * a.n_keys : 48 * columns;
        const std::int64_t slice = numbers * static_cast<std::int64_t>(sizeof(T));
        const std::int64_t most_slices = std::max<std::int64_t>(1, slices_bytes / std::max<std::int64_t>(1, slice));
        chunks.heads = std::max(chunks.heads, divided_up(a.n_heads, most_slices));
    }
    const std::int64_t batch_sums = mapped && a.map_over_batch ? chunks.batch : 1;
    const std::int64_t head_sums = mapped && a.map_over_heads ? chunks.heads : 1;
    const std::int64_t n_sums = batch_sums * head_sums;
    const std::int64_t n_slices = !mapped ? 0 : a.map_over_heads ? 1 : divided_up(a.n_heads, chunks.heads);

    const std::int64_t n_shares = chunks.batch * chunks.heads * n_groups;
    const int team = team_size(a, n_shares, n_threads);
    const Workspaces workspaces(team, run.forward_bytes(a, n_slices));
    const Workspaces sums(n_sums > 1 ? 1 : 0, static_cast<std::size_t>(n_sums * bytes));
    // Dividing whole sums once: what is 1 in every head stays 1.
    Attention<T> part = a;
    if (n_sums > 1) part.map_shared = T(1);
    T* const maps = n_sums > 1 ? static_cast<T*>(sums.memory[0]) : a.map;

#pragma omp parallel for schedule(dynamic, 1) num_threads(team) if (team > 1)
    for (std::int64_t i = 0; i < n_shares; ++i) {
        const std::int64_t group = i % n_groups, head_chunk = i / n_groups % chunks.heads,
                           batch_chunk = i / n_groups / chunks.heads;
        const std::int64_t sum = (batch_sums > 1 ? batch_chunk : 0) * head_sums + (head_sums > 1 ? head_chunk : 0);
        const AttentionShare share = share_of(chunks, batch_chunk, head_chunk, a.n_batch, a.n_heads, group);
        run.forward(part, share, mapped ? maps + sum * map_size : nullptr,
                    workspaces.memory[static_cast<std::size_t>(thread_number())]);
    }
    if (n_sums > 1) add_up(maps, n_sums, map_size, a.map_shared, a.map, team);
}

template <class T>
void attention_backward(const Attention<T>& a, int n_threads) {
    const AttentionKernels<T>& run = kernels(a);
    const bool biased = a.dbias != nullptr;
    const std::int64_t bias_size = biased ? a.n_rows * (a.n_keys / a.bias_lags) : 0;
    const std::int64_t bytes = std::max<std::int64_t>(1, bias_size * static_cast<std::int64_t>(sizeof(T)));
    // A head's rows stay together, for each adds to the same dk and dv. At least two sums, so that two threads have
    // work whatever the size of the bias.
    // Every share packs the map's gradient anew; a map as wide as the keys makes that worth avoiding, and nothing but
    // the bias' gradient is summed over shares, so that without it their number may depend on the threads'.
    const bool wide = a.grad_map != nullptr && a.map_lags < 4;
    const std::int64_t wanted =
        wide && !biased ? std::min<std::int64_t>(wanted_shares(a), 2 * n_threads) : wanted_shares(a);
    const Chunks chunks = chunks_of(a, n_threads == 1 && wide && !biased ? 1 : wanted, biased, biased,
                                    std::max<std::int64_t>(2, private_bytes / bytes));
    const std::int64_t n_shares = chunks.batch * chunks.heads;
    const std::int64_t n_sums = biased ? n_shares : 1;
    const int team = team_size(a, n_shares, n_threads);
    const Workspaces workspaces(team, run.backward_bytes(a));
    const Workspaces sums(n_sums > 1 ? 1 : 0, static_cast<std::size_t>(n_sums * bytes));
    T* const dbias = n_sums > 1 ? static_cast<T*>(sums.memory[0]) : a.dbias;

#pragma omp parallel for schedule(dynamic, 1) num_threads(team) if (team > 1)
    for (std::int64_t i = 0; i < n_shares; ++i) {
        const AttentionShare share = share_of(chunks, i / chunks.heads, i % chunks.heads, a.n_batch, a.n_heads, 0);
        run.backward(a, share, biased ? dbias + (n_sums > 1 ? i * bias_size : 0) : nullptr,
                     workspaces.memory[static_cast<std::size_t>(thread_number())]);
    }
    if (n_sums > 1) add_up(dbias, n_sums, bias_size, T(1), a.dbias, team);
}

template void attention_forward<float>(const Attention<float>&, int);
template void attention_forward<double>(const Attention<double>&, int);
template void attention_backward<float>(const Attention<float>&, int);
template void attention_backward<double>(const Attention<double>&, int);

}  // namespace synfer
