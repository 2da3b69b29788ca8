// The table of what this instruction level offers. Compiled once per instruction level (CMakeLists.txt).
#include "attention/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
constexpr AttentionKernels<T> kernels = {forward_groups<T>, forward_bytes<T>, backward_bytes<T>, forward<T>,
                                         backward<T>};

}  // namespace

extern const AttentionLevel attention;
const AttentionLevel attention = {kernels<float>, kernels<double>};

}  // namespace synfer::SYNFER_LEVEL
