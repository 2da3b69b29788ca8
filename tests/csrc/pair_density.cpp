// Densities of pairs on buffers exactly as large as their arrays, in sizes on both sides of every block: run under the
// address and undefined-behaviour sanitizers by test_sanitizers.py, it ends with 0 and prints what it ran.
#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

#include "pair_density/joint_density.hpp"

using namespace synfer;
using pair_density::Index;

// Every density is finite, at least 0, and no larger than the product of both kernels at their peaks.
bool sound(Index n_points, const std::vector<std::int64_t>& segment, const std::vector<std::int64_t>& lag,
           int n_threads) {
    const Index n_samples = segment.back(), n_units = 3;
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    const auto random = [&](Index n) {
        std::vector<float> made(static_cast<std::size_t>(n));
        for (float& value : made) value = normal(generator);
        return made;
    };
    const std::vector<float> samples = random(n_samples * n_units), grid = random(n_units * n_points);
    const std::vector<float> bandwidth(n_units, 0.3f);
    const std::vector<std::int64_t> source{0, 2, 1, 2}, target{1, 0, 2, 1};  // the last unit too
    const pair_density::Signal signal{
        samples.data(), grid.data(), bandwidth.data(), segment.data(),
        n_samples,      n_units,     n_points,         static_cast<Index>(segment.size()) - 1};
    const pair_density::Pairs pairs{source.data(), target.data(), lag.data(), static_cast<Index>(source.size()),
                                    static_cast<Index>(lag.size())};
    std::vector<float> out(source.size() * lag.size() * static_cast<std::size_t>(n_points * n_points));
    pair_density::joint_density(signal, pairs, out.data(), n_threads);
    const float most = 1.001f / (2.0f * 3.14159265f * 0.3f * 0.3f);
    for (const float value : out) {
        if (!(value >= 0.0f && value <= most)) return false;
    }
    return true;
}

int main() {
    const std::vector<std::vector<std::int64_t>> segments{{0, 1},   {0, 7, 7, 20}, {0, 511},
                                                          {0, 512}, {0, 513},      {3, 600, 1130}};
    int n = 0;
    for (const Index n_points : {1, 3, 4, 5, 16, 31, 32}) {
        for (const auto& segment : segments) {
            std::int64_t longest = 0;
            for (std::size_t s = 1; s < segment.size(); ++s) longest = std::max(longest, segment[s] - segment[s - 1]);
            for (int n_threads = 1; n_threads <= 2; ++n_threads) {
                if (!sound(n_points, segment, {0, longest / 2, longest - 1}, n_threads)) return 1;
                ++n;
            }
        }
    }
    std::printf("baseline: %d\n", n);  // there is one build of it
    return 0;
}
