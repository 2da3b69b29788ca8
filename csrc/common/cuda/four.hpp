#pragma once
#include "common/level.hpp"

namespace synfer::SYNFER_LEVEL {

// Numbers that memory is read and written with at once.
template <class U>
struct alignas(4 * sizeof(U)) Four {
    U of[4];
};

}  // namespace synfer::SYNFER_LEVEL
