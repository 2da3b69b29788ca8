// The layers' kernels on buffers exactly as large as their tensors, in sizes on both sides of every block: run under
// the address and undefined-behaviour sanitizers by test_sanitizers.py, it ends with 0 and prints what it ran.
#include "ensemble/ensemble.hpp"

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "common/instruction_level.hpp"

using namespace synfer;

struct Sizes {
    std::int64_t n_groups, n_tokens, n_in, n_out, n_hidden;
};

template <class T>
bool finite(const Sizes& z, bool normed, std::uint32_t threshold, int n_threads) {
    std::mt19937 generator(1);
    std::normal_distribution<T> normal;
    std::vector<std::vector<T>> all;
    all.reserve(64);
    const auto random = [&](std::int64_t n) {
        all.emplace_back(static_cast<std::size_t>(n));
        for (T& value : all.back()) value = normal(generator);
        return all.back().data();
    };
    const std::int64_t G = z.n_groups, N = z.n_tokens, C = z.n_in, O = z.n_out, H = z.n_hidden;
    const auto tokens = [&](std::int64_t n) { return Tokens<T>{random(G * N * n), n, N * n}; };
    const auto seen = [](const Tokens<T>& x) { return Tokens<const T>{x.data, x.token_stride, x.group_stride}; };

    const Map<T> maps[2] = {{O, random(G * O * C), random(G * O), tokens(O), random(G * O * C), random(G * O)},
                            {1, random(G * C), nullptr, tokens(1), random(G * C), random(G)}};
    Linear<T> l{};
    l.n_tokens = N, l.n_groups = G, l.n_in = C, l.maps = maps, l.n_maps = 2, l.x = seen(tokens(C));
    if (normed) {
        l.a = random(G * C), l.c = random(G * C), l.da = random(G * C), l.dc = random(G * C);
        l.slope = random(G * C), l.shift = random(G * C);
    }
    l.dx = tokens(C);
    linear_forward(l, n_threads);
    linear_weight_gradients(l, n_threads);
    linear_input_gradient(l, n_threads);
    l.n_maps = 1, l.residual = seen(tokens(O));
    linear_forward(l, n_threads);

    std::vector<std::uint64_t> seeds(static_cast<std::size_t>(G), 7);
    const Drop drop{seeds.data(), 3, 4, threshold};
    FeedForward<T> f{};
    f.n_tokens = N, f.n_groups = G, f.n_channels = C, f.n_hidden = H, f.x = l.x, f.drop = drop, f.y = tokens(C);
    f.a = l.a, f.c = l.c, f.weight1 = random(G * H * C), f.bias1 = random(G * H);
    f.weight2 = random(G * C * H), f.bias2 = random(G * C);
    feed_forward(f, n_threads);
    f.dx = tokens(C), f.da = l.da, f.dc = l.dc, f.dweight1 = random(G * H * C), f.dbias1 = random(G * H);
    f.dweight2 = random(G * C * H), f.dbias2 = random(G * C);
    feed_forward_backward(f, n_threads);

    T *const mean = random(G * C), *const variance = random(G * C);
    moments(Moments<T>{N, G, C, l.x, mean, variance}, n_threads);
    add_affine(Affine<T>{N, G, C, f.dx, l.x, mean, variance}, n_threads);
    dropout(Dropout<T>{N, G, C, l.x, drop, tokens(C)}, n_threads);

    Embedding<T> e{};
    e.n_groups = G, e.n_batch = N, e.n_units = 2, e.n_lags = 3, e.n_channels = C, e.drop = drop;
    e.value = random(G * N * 6), e.value_group_stride = 1, e.value_token_stride = G;
    e.direction = random(G * C), e.offset = random(G * N * 3 * C), e.unit = random(G * 2 * C);
    e.y = {random(G * N * 6 * C), C, N * 6 * C};
    embedding(e, n_threads);
    e.dvalue = random(G * N * 6), e.ddirection = random(G * C), e.doffset = random(G * N * 3 * C);
    e.dunit = random(G * 2 * C);
    embedding_backward(e, n_threads);

    for (const auto& buffer : all) {
        for (const T value : buffer) {
            if (!std::isfinite(value)) return false;
        }
    }
    return true;
}

int main() {
    for (int i = 0; i < n_instruction_levels; ++i) {
        const auto level = static_cast<InstructionLevel>(i);
        if (!available(level)) continue;
        set_instruction_level(level);
        int n = 0;
        for (const std::int64_t tokens : {1, 11, 12, 47, 48, 49, 97, 1600}) {
            for (const std::int64_t in : {1, 15, 16, 17, 33}) {
                for (const std::int64_t out : {1, 5, 12, 31, 32, 65}) {
                    const Sizes z{tokens > 1000 ? 1 : 1 + n % 3, tokens, in, out, 3 + 13 * (n % 9)};
                    const bool normed = n % 2 == 0;
                    const std::uint32_t threshold = n % 3 == 0 ? 0 : 6554;
                    if (!finite<float>(z, normed, threshold, 1 + n % 2)) return 1;
                    if (!finite<double>(z, normed, threshold, 2 - n % 2)) return 1;
                    ++n;
                }
            }
        }
        std::printf("%s: %d\n", name_of(level), n);
    }
    return 0;
}
