// The forward pass on a CUDA device: the output, then the map by what is known of the rows.
#include "attention/cuda/forward.hpp"
#include "attention/cuda/launches.hpp"

namespace synfer::cuda {

template <class T>
const char* attention_forward(const Attention<T>& a, void* workspace, const Device& device) {
    if (const char* why = refused(a)) return why;
    const Parts parts = forward_parts(a, device.processors);
    const Pass<T> pass = pass_of(a, workspace, parts, false);
    Launches launch(device);
    with_channels(a, [&](auto channels) {
        constexpr int C = decltype(channels)::value;
        launch(attend<T, C>, a.n_batch * a.n_heads * pass.row_tiles, forward_shared_bytes<T>(C), pass);
    });
    if (a.map != nullptr) {
        launch_sum<T, false>(launch, pass, plan_map(a, device.processors), a.map_over_batch, a.map_over_heads,
                             a.map_shared, static_cast<T*>(workspace) + parts.sums, a.map);
    }
    return launch.problem();
}

template const char* attention_forward<float>(const Attention<float>&, void*, const Device&);
template const char* attention_forward<double>(const Attention<double>&, void*, const Device&);

}  // namespace synfer::cuda
