#pragma once
#include "attention/cuda/forward.hpp"
#include "attention/cuda/launches.hpp"
#include "attention/cuda/map.hpp"
#include "attention/cuda/ordinary_mixed.hpp"
#include "attention/cuda/plan.hpp"
#include "attention/cuda/tensor_cores.hpp"

// What kernels are told, and the launches of the forward pass.

namespace synfer::cuda {

// All tensors are of bfloat16.
inline bool is_narrow(const Attention<float>& a) {
    for (const Tensor4* x : {&a.q, &a.k, &a.v, &a.grad_out}) {
        if (x->data != nullptr && x->scalar != Scalar::bfloat16) return false;
    }
    return true;
}

template <class T>
const char* refused(const Attention<T>& a) {
    constexpr std::int64_t most = 0x7fffffff - 2 * 64;  // two tiles beyond the last can be counted
    // Kernels read four numbers at once, as the first tensor's are.
    for (const Tensor4* x : {&a.k, &a.v, &a.grad_out}) {
        if (x->data != nullptr && x->scalar != a.q.scalar) return "tensors of several dtypes";
    }
    if (a.d_key > most_channels<T> || a.d_value > most_channels<T>) return "more channels than the kernels take";
    if (a.n_rows > most || a.n_keys > most) return "more tokens than the kernels take";
    return nullptr;
}

inline Divisor divisor(std::int64_t d) {
    int shift = 0;
    while ((std::int64_t{1} << shift) < d) ++shift;
    return {static_cast<std::uint32_t>(((std::uint64_t{1} << (31 + shift)) + d - 1) / d), shift};
}

template <class T>
Pass<T> pass_of(const Attention<T>& a, void* workspace, const Parts& parts, bool with_mean) {
    T* const memory = static_cast<T*>(workspace);
    const bool kept = a.softmax && parts.inverse > 0;
    const double log2_e = 1.4426950408889634;
    const bool in_twos = a.softmax && a.bias == nullptr;
    Pass<T> pass{};
    pass.a = a;
    pass.factor = static_cast<T>(static_cast<double>(a.scale) * (in_twos ? log2_e : 1.0));
    pass.per_unit = static_cast<T>(in_twos ? 1.0 : log2_e);
    pass.in_twos = in_twos;
    pass.top = kept ? memory + parts.top : nullptr;
    pass.inverse = kept ? memory + parts.inverse : nullptr;
    pass.mean = kept && with_mean ? memory + parts.mean : nullptr;
    pass.row_tiles = static_cast<int>(tiles_of(a.n_rows)), pass.key_tiles = static_cast<int>(tiles_of(a.n_keys));
    pass.bias_lags = divisor(a.bias_lags), pass.map_lags = divisor(a.map_lags);
    return pass;
}

template <class U, int C, bool Gradient, class T>
void launch_sum(Launches& launch, const Pass<T>& pass, const SumPlan& plan, bool over_batch, bool over_heads, T divisor,
                T* sums, T* to) {
    const std::int64_t heads = pass.a.n_batch * pass.a.n_heads, slices = plan.count / (pass.a.n_rows * plan.n_columns);
    const bool puts_by = heads / slices > heads_added_up * plan.n_sums;  // some block has more
    const SumPass<T> told{pass,
                          static_cast<int>(plan.n_columns),
                          static_cast<int>(plan.lags),
                          static_cast<int>(plan.column_tiles),
                          static_cast<int>(plan.width),
                          static_cast<int>(plan.packed),
                          over_batch,
                          over_heads,
                          static_cast<int>(plan.n_sums),
                          puts_by,
                          divisor,
                          plan.n_sums > 1 ? sums : to};
    launch(add_weights<U, C, Gradient>, plan.blocks, U::threads,
           sum_shared_bytes<U, C, Gradient>(static_cast<int>(pass.a.d_key), static_cast<int>(pass.a.d_value), puts_by),
           told);
    if (plan.n_sums == 1) return;
    const AddUp<T> added{sums, to, plan.count, static_cast<int>(plan.n_sums), divisor};
    launch(add_up<T>, (plan.count + adding_threads - 1) / adding_threads, adding_threads, 0, added);
}

template <class U, class T>
const char* run_forward(const Attention<T>& a, void* workspace, const Device& device) {
    const Parts parts = forward_parts(a, device.processors);
    const Pass<T> pass = pass_of(a, workspace, parts, false);
    const int D = static_cast<int>(a.d_key), E = static_cast<int>(a.d_value);
    Launches launch(device);
    with_channels<U>(a, [&](auto kind) {
        constexpr int C = decltype(kind)::channels;
        launch(attend<U, C>, a.n_batch * a.n_heads * pass.row_tiles, U::threads, forward_shared_bytes<U>(D, E, C),
               pass);
        if (a.map == nullptr) return;
        launch_sum<U, U::knows_channels ? C : 0, false>(launch, pass, plan_map(a, device.processors), a.map_over_batch,
                                                        a.map_over_heads, a.map_shared,
                                                        static_cast<T*>(workspace) + parts.sums, a.map);
    });
    return launch.problem();
}

}  // namespace synfer::cuda
