// The table of what this instruction level offers. Compiled once per instruction level (CMakeLists.txt).
#include "attention/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
constexpr AttentionKernels<T> kernels = {forward_groups<T>, forward_bytes<T>, backward_bytes<T>, forward<T>,
                                         backward<T>};

template <class T>
std::int64_t one_group(const Attention<T>&) {
    return 1;
}
template <class T>
constexpr AttentionKernels<T> few_kernels = {one_group<T>, few_forward_bytes<T>, few_backward_bytes<T>, few_forward<T>,
                                             few_backward<T>};

template <class T>
constexpr AttentionSort<T> sort = {has_few_rows<T>, few_kernels<T>, kernels<T>};

}  // namespace

extern const AttentionLevel attention;
const AttentionLevel attention = {sort<float>, sort<double>};

}  // namespace synfer::SYNFER_LEVEL
