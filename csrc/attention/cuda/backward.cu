// The backward pass on a CUDA device.
#include "attention/cuda/backward_keys.hpp"
#include "attention/cuda/passes.hpp"
#include "attention/cuda/statistics.hpp"

namespace synfer::cuda {

template <class U, class T>
const char* run_backward(const Attention<T>& a, void* workspace, const Device& device) {
    const Parts parts = backward_parts(a, device.processors);
    const Pass<T> pass = pass_of(a, workspace, parts, true);
    const std::int64_t heads = a.n_batch * a.n_heads;
    const int D = static_cast<int>(a.d_key), E = static_cast<int>(a.d_value);
    Launches launch(device);
    with_channels<U>(a, [&](auto kind) {
        constexpr int C = decltype(kind)::channels;
        constexpr std::size_t most = shared_bytes_needed<T>(C);
        static_assert(gradient_shared_bytes<U>(C, C, C) <= most && forward_shared_bytes<U>(C, C, C) <= most &&
                          statistics_shared_bytes<U>(C, C) <= most &&
                          sum_shared_bytes<U, 0, false>(C, C, true) <= most &&
                          sum_shared_bytes<U, 0, true>(C, C, true) <= most,
                      "what Python asks the device for");
        const std::size_t bytes = gradient_shared_bytes<U>(D, E, C);
        if (a.softmax)
            launch(state_rows<U>, heads * pass.row_tiles, U::threads, statistics_shared_bytes<U>(D, E), pass);
        launch(differentiate_rows<U, C>, heads * pass.row_tiles, U::threads, bytes, pass);
        launch(differentiate_keys<U, C>, heads * pass.key_tiles, U::threads, bytes, pass);
        if (a.dbias == nullptr) return;
        launch_sum<U, 0, true>(launch, pass, plan_bias(a, device.processors), true, true, T(1),
                               static_cast<T*>(workspace) + parts.sums, a.dbias);
    });
    return launch.problem();
}

template <class T>
const char* attention_backward(const Attention<T>& a, void* workspace, const Device& device) {
    if (const char* why = refused(a)) return why;
    if (is_few(a)) return attention_backward_of_few(a, device);
    if constexpr (sizeof(T) == sizeof(double)) {
        return run_backward<Ordinary<T>>(a, workspace, device);
    } else {
        return is_narrow(a) ? run_backward<TensorCores<true>>(a, workspace, device)
                            : run_backward<TensorCores<false>>(a, workspace, device);
    }
}

template const char* attention_backward<float>(const Attention<float>&, void*, const Device&);
template const char* attention_backward<double>(const Attention<double>&, void*, const Device&);

}  // namespace synfer::cuda
