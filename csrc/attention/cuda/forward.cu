// The forward pass on a CUDA device: the output, then the map by what is known of the rows.
#include "attention/cuda/forward.hpp"
#include "attention/cuda/passes.hpp"

namespace synfer::cuda {

template <class T>
const char* attention_forward(const Attention<T>& a, void* workspace, const Device& device) {
    if (const char* why = refused(a)) return why;
    if (is_few(a)) return attention_forward_of_few(a, device);
    if constexpr (sizeof(T) == sizeof(double)) {
        return run_forward<Ordinary<T>>(a, workspace, device);
    } else {
        if (is_for_hopper(a, device)) return attention_forward_on_hopper(a, workspace, device);
        return is_narrow(a) ? run_forward<TensorCores<true>>(a, workspace, device)
                            : run_forward<TensorCores<false>>(a, workspace, device);
    }
}

template const char* attention_forward<float>(const Attention<float>&, void*, const Device&);
template const char* attention_forward<double>(const Attention<double>&, void*, const Device&);

}  // namespace synfer::cuda
