#pragma once

// OpenMP where the compiler has it. Without it the pragmas are ignored, and one thread does all there is to do.
#ifdef _OPENMP
#include <omp.h>
#endif

namespace synfer {

#ifdef _OPENMP
inline constexpr bool has_openmp = true;
inline int thread_number() { return omp_get_thread_num(); }
#else
inline constexpr bool has_openmp = false;
inline int thread_number() { return 0; }
#endif

}  // namespace synfer
