// Attention on a CUDA device over heads of few rows and few keys.
#include "attention/cuda/few_passes.hpp"
#include "attention/cuda/passes.hpp"

namespace synfer::cuda {
namespace {

template <class T>
FewLie lie_of(const Attention<T>& a, const FewPlan& plan, const void* data, const std::int64_t* strides,
              std::int64_t channel_stride, std::int64_t width) {
    FewLie lie{};
    lie.heads_together = strides[1] < strides[2];
    lie.in_pieces = width > 0 && width % Piece<T>::n == 0 && channel_stride == 1 &&
                    reinterpret_cast<std::uintptr_t>(data) % sizeof(Piece<T>) == 0;
    // A block's heads are of so many batch elements at most.
    const std::int64_t counts[] = {plan.heads / a.n_heads + 2, a.n_heads, few_tokens};
    std::int64_t furthest = width;
    for (int axis = 0; axis < 3; ++axis) {
        constexpr std::int64_t most = 0x7fffffff;
        lie.in_pieces = lie.in_pieces && strides[axis] % Piece<T>::n == 0 && strides[axis] >= 0 &&
                        strides[axis] <= (most - furthest) / counts[axis];
        if (!lie.in_pieces) return lie;
        furthest += strides[axis] * counts[axis];
        lie.strides[axis] = static_cast<int>(strides[axis]);
    }
    return lie;
}

template <class T>
FewPass<T> few_pass_of(const Attention<T>& a, const FewPlan& plan) {
    FewPass<T> told{};
    told.pass = pass_of(a, nullptr, Parts{}, false);
    told.heads = plan.heads, told.n_heads = static_cast<int>(a.n_batch * a.n_heads);
    told.by_heads = divisor(plan.heads), told.by_batch_heads = divisor(a.n_heads);
    told.by_rows = divisor(a.n_rows), told.by_keys = divisor(a.n_keys), told.by_room = divisor(plan.keys);
    const auto lie = [&](const Tensor4& x, std::int64_t width) {
        return lie_of(a, plan, x.data, x.strides, x.strides[3], width);
    };
    const auto lie_in = [&](const Result4<T>& x, std::int64_t width) {
        return lie_of(a, plan, x.data, x.strides, 1, width);
    };
    told.q = lie(a.q, a.d_key), told.k = lie(a.k, a.d_key), told.v = lie(a.v, a.d_value);
    told.grad_out = lie(a.grad_out, a.d_value), told.out = lie_in(a.out, a.d_value);
    told.dq = lie_in(a.dq, a.d_key), told.dk = lie_in(a.dk, a.d_key), told.dv = lie_in(a.dv, a.d_value);
    return told;
}

// run(Room<K, C>) with the keys and channels that the plan says a head has room for.
template <int K, int C>
struct Room {
    static constexpr int keys = K, channels = C;
};
template <int K, class Run>
void with_room_for(const FewPlan& plan, Run run) {
    plan.channels == 8 ? run(Room<K, 8>{}) : run(Room<K, 16>{});
}
template <class Run>
void with_room(const FewPlan& plan, Run run) {
    if (plan.keys == 8) return with_room_for<8>(plan, run);
    if (plan.keys == 10) return with_room_for<10>(plan, run);
    with_room_for<16>(plan, run);
}

}  // namespace

template <class T>
const char* attention_forward_of_few(const Attention<T>& a, const Device& device) {
    const FewPlan plan = plan_few(a, false);
    Launches launch(device);
    with_room(plan, [&](auto room) {
        constexpr int K = decltype(room)::keys, C = decltype(room)::channels;
        launch(attend_few<T, K, C>, plan.blocks, few_threads, plan.shared_bytes, few_pass_of(a, plan));
    });
    return launch.problem();
}

template <class T>
const char* attention_backward_of_few(const Attention<T>& a, const Device& device) {
    const FewPlan plan = plan_few(a, true);
    Launches launch(device);
    with_room(plan, [&](auto room) {
        constexpr int K = decltype(room)::keys, C = decltype(room)::channels;
        launch(differentiate_few<T, K, C>, plan.blocks, few_threads, plan.shared_bytes, few_pass_of(a, plan));
    });
    return launch.problem();
}

template const char* attention_forward_of_few<float>(const Attention<float>&, const Device&);
template const char* attention_forward_of_few<double>(const Attention<double>&, const Device&);
template const char* attention_backward_of_few<float>(const Attention<float>&, const Device&);
template const char* attention_backward_of_few<double>(const Attention<double>&, const Device&);

}  // namespace synfer::cuda
