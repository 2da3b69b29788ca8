// Attention's kernels on buffers exactly as large as their tensors, in every shape that has an edge of its own: run
// under the address and undefined-behaviour sanitizers by test_sanitizers.py, it ends with 0 and prints what it ran.
#include "attention/attention.hpp"

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "common/instruction_level.hpp"

using namespace synfer;

struct Case {
    std::int64_t rows, n_sources, lags, d_key, d_value, bias_columns;  // bias_columns 0: no bias
    bool over_batch, over_heads, over_lags, softmax;
};

template <class T>
bool finite(const Case& c, int n_threads) {
    constexpr std::int64_t B = 2, H = 3;
    const std::int64_t L = c.rows, S = c.n_sources * c.lags, D = c.d_key, E = c.d_value;
    std::mt19937 generator(1);
    std::normal_distribution<T> normal;
    const auto random = [&](std::int64_t n) {
        std::vector<T> x(static_cast<std::size_t>(n));
        for (T& value : x) value = normal(generator);
        return x;
    };
    auto q = random(B * H * L * D), k = random(B * H * S * D), v = random(B * H * S * E), g = random(B * H * L * E);
    auto out = random(B * H * L * E), dq = q, dk = k, dv = v;
    auto map = random((c.over_batch ? 1 : B) * (c.over_heads ? 1 : H) * L * (c.over_lags ? c.n_sources : S));
    auto bias = random(L * c.bias_columns), dbias = bias, grad_map = map;

    Attention<T> a{};
    a.n_batch = B, a.n_heads = H, a.n_rows = L, a.n_keys = S, a.d_key = D, a.d_value = E;
    a.scale = T(0.3), a.softmax = c.softmax, a.bias_lags = 1;
    const auto tensor = [&](std::vector<T>& x, std::int64_t n, std::int64_t width) {
        return Tensor4{x.data(),
                       {n * H * width, width, H * width, 1},
                       sizeof(T) == sizeof(float) ? Scalar::float32 : Scalar::float64};
    };
    const auto result = [&](std::vector<T>& x, std::int64_t n, std::int64_t width) {
        return Result4<T>{x.data(), {n * H * width, width, H * width}};
    };
    a.q = tensor(q, L, D), a.k = tensor(k, S, D), a.v = tensor(v, S, E), a.grad_out = tensor(g, L, E);
    a.out = result(out, L, E), a.dq = result(dq, L, D), a.dk = result(dk, S, D), a.dv = result(dv, S, E);
    if (c.bias_columns > 0) {
        a.bias = bias.data(), a.dbias = dbias.data();
        a.bias_strides[0] = c.bias_columns, a.bias_strides[1] = 1, a.bias_lags = S / c.bias_columns;
    }
    a.map = map.data(), a.grad_map = grad_map.data(), a.map_lags = c.over_lags ? c.lags : 1;
    a.map_over_batch = c.over_batch, a.map_over_heads = c.over_heads;
    a.map_shared = static_cast<T>((c.over_batch ? B : 1) * (c.over_heads ? H : 1));
    attention_forward(a, n_threads);
    attention_backward(a, n_threads);
    for (const auto& all : {out, map, dq, dk, dv, dbias}) {
        for (const T value : all) {
            if (!std::isfinite(value)) return false;
        }
    }
    return true;
}

int main() {
    const std::pair<std::int64_t, std::int64_t> keys[] = {{1, 1}, {3, 1}, {5, 10}, {9, 15}, {70, 1}};
    const std::pair<std::int64_t, std::int64_t> widths[] = {{1, 1}, {8, 8}, {5, 12}, {17, 3}, {0, 2}, {40, 33}};
    for (int i = 0; i < n_instruction_levels; ++i) {
        const auto level = static_cast<InstructionLevel>(i);
        if (!available(level)) continue;
        set_instruction_level(level);
        int n = 0;
        for (const std::int64_t rows : {1, 5, 7, 16, 33, 50, 100}) {
            for (const auto& [n_sources, lags] : keys) {
                for (const auto& [d_key, d_value] : widths) {
                    for (const std::int64_t columns : {std::int64_t{0}, n_sources, n_sources * lags}) {
                        const int flags = ++n;
                        const Case c{rows,
                                     n_sources,
                                     lags,
                                     d_key,
                                     d_value,
                                     columns,
                                     (flags & 1) != 0,
                                     (flags & 2) != 0,
                                     (flags & 4) != 0,
                                     (flags & 8) != 0};
                        if (!finite<float>(c, 1 + n % 2) || !finite<double>(c, 1)) return 1;
                    }
                }
            }
        }
        // Keys enough that the rows are cut into thin blocks.
        if (!finite<float>({40, 900, 10, 8, 8, 900, true, true, true, true}, 2)) return 1;
        std::printf("%s: %d\n", name_of(level), n);
    }
    return 0;
}
