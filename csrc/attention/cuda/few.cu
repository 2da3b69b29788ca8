// Attention on a CUDA device over heads of few rows and few keys.
#include "attention/cuda/few_passes.hpp"
#include "attention/cuda/passes.hpp"

namespace synfer::cuda {
namespace {

template <class T>
FewLie lie_of(const void* data, const std::int64_t* strides, std::int64_t channel_stride, std::int64_t width) {
    bool in_pieces = width > 0 && width % Piece<T>::n == 0 && channel_stride == 1 &&
                     reinterpret_cast<std::uintptr_t>(data) % sizeof(Piece<T>) == 0;
    for (int axis = 0; axis < 3; ++axis) in_pieces = in_pieces && strides[axis] % Piece<T>::n == 0;
    return {in_pieces, strides[1] < strides[2]};
}
template <class T>
FewLie lie_of(const Tensor4& x, std::int64_t width) {
    return lie_of<T>(x.data, x.strides, x.strides[3], width);
}
template <class T>
FewLie lie_of(const Result4<T>& x, std::int64_t width) {
    return lie_of<T>(x.data, x.strides, 1, width);
}

template <class T>
FewPass<T> few_pass_of(const Attention<T>& a, const FewPlan& plan) {
    FewPass<T> told{};
    told.pass = pass_of(a, nullptr, Parts{}, false);
    told.heads = plan.heads, told.n_heads = static_cast<int>(a.n_batch * a.n_heads);
    told.by_heads = divisor(plan.heads), told.by_batch_heads = divisor(a.n_heads);
    told.by_rows = divisor(a.n_rows), told.by_keys = divisor(a.n_keys), told.by_room = divisor(plan.keys);
    told.q = lie_of<T>(a.q, a.d_key), told.k = lie_of<T>(a.k, a.d_key), told.v = lie_of<T>(a.v, a.d_value);
    told.grad_out = lie_of<T>(a.grad_out, a.d_value), told.out = lie_of(a.out, a.d_value);
    told.dq = lie_of(a.dq, a.d_key), told.dk = lie_of(a.dk, a.d_key), told.dv = lie_of(a.dv, a.d_value);
    return told;
}

// run(Room<K, C>) with what the plan says that a head has room for.
template <int K, int C>
struct Room {
    static constexpr int keys = K, channels = C;
};
template <class Run>
void with_room(const FewPlan& plan, Run run) {
    const auto channels = [&](auto room) {
        constexpr int K = decltype(room)::keys;
        plan.channels == 8 ? run(Room<K, 8>{}) : run(Room<K, 16>{});
    };
    if (plan.keys == 8) return channels(Room<8, 0>{});
    if (plan.keys == 10) return channels(Room<10, 0>{});
    channels(Room<16, 0>{});
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
