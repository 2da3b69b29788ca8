// The table of what this instruction level offers. Compiled once per instruction level (CMakeLists.txt).
#include "ensemble/cpu/kernels.hpp"

namespace synfer::SYNFER_LEVEL {
namespace {

template <class T>
constexpr EnsembleKernels<T> kernels = {linear_bytes<T>,
                                        linear_sums<T>,
                                        linear_forward<T>,
                                        linear_input<T>,
                                        linear_weights<T>,
                                        linear_finish<T>,
                                        feed_forward_bytes<T>,
                                        feed_forward_sums<T>,
                                        feed_forward<T>,
                                        feed_forward_backward<T>,
                                        feed_forward_finish<T>,
                                        moments_bytes<T>,
                                        moments<T>,
                                        affine<T>,
                                        dropout_bytes<T>,
                                        dropout<T>,
                                        embedding_bytes<T>,
                                        embedding<T>,
                                        embedding_backward<T>};

}  // namespace

extern const EnsembleLevel ensemble;
const EnsembleLevel ensemble = {kernels<float>, kernels<double>};

}  // namespace synfer::SYNFER_LEVEL
