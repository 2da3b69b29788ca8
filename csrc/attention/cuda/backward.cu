// The backward pass on a CUDA device.
#include "attention/cuda/backward.hpp"
#include "attention/cuda/launches.hpp"
#include "attention/cuda/statistics.hpp"

namespace synfer::cuda {

template <class T>
const char* attention_backward(const Attention<T>& a, void* workspace, const Device& device) {
    if (const char* why = refused(a)) return why;
    const Parts parts = backward_parts(a, device.processors);
    const Pass<T> pass = pass_of(a, workspace, parts, true);
    const std::int64_t heads = a.n_batch * a.n_heads;
    Launches launch(device);
    if (a.softmax) launch(state_rows<T>, heads * pass.row_tiles, statistics_shared_bytes<T>(a.d_key, a.d_value), pass);
    with_channels(a, [&](auto channels) {
        constexpr int C = decltype(channels)::value;
        static_assert(gradient_shared_bytes<T>(C) == shared_bytes_needed<T>(C), "what Python asks the device for");
        launch(differentiate_rows<T, C>, heads * pass.row_tiles, gradient_shared_bytes<T>(C), pass);
        launch(differentiate_keys<T, C>, heads * pass.key_tiles, gradient_shared_bytes<T>(C), pass);
    });
    if (a.dbias != nullptr) {
        launch_sum<T, true>(launch, pass, plan_bias(a, device.processors), true, true, T(1),
                            static_cast<T*>(workspace) + parts.sums, a.dbias);
    }
    return launch.problem();
}

template const char* attention_backward<float>(const Attention<float>&, void*, const Device&);
template const char* attention_backward<double>(const Attention<double>&, void*, const Device&);

}  // namespace synfer::cuda
