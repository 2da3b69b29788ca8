#pragma once
#include "attention/attention.hpp"
#include "common/pieces.hpp"
#include "common/vector.hpp"

// Tensors as the kernels read them, whose channels lie side by side.

namespace synfer::SYNFER_LEVEL {

// Tokens of one head: (token, channel).
template <class T>
struct Rows {
    const T* data;
    std::int64_t stride;
};

// Tokens [first, first + count) of a head: where they lie, or a converted copy in `staging` (count, width).
template <class T>
SYNFER_DEVICE Rows<T> rows_of(const Tensor4& x, std::int64_t batch, std::int64_t head, std::int64_t first,
                              std::int64_t count, std::int64_t width, T* staging) {
    constexpr Scalar own = sizeof(T) == sizeof(float) ? Scalar::float32 : Scalar::float64;
    const std::int64_t offset = batch * x.strides[0] + head * x.strides[1] + first * x.strides[2];
    if (x.data != nullptr && x.scalar == own && x.strides[3] == 1) {
        return {static_cast<const T*>(x.data) + offset, x.strides[2]};
    }
    for (std::int64_t r = 0; r < count; ++r) {
        for (std::int64_t c = 0; c < width; ++c) {
            const std::int64_t at = offset + r * x.strides[2] + c * x.strides[3];
            T value = T(0);
            if (x.data != nullptr && x.scalar == own) {
                value = static_cast<const T*>(x.data)[at];
            } else if (x.data != nullptr) {  // bfloat16: the upper half of a float
                const std::uint32_t bits = static_cast<std::uint32_t>(static_cast<const std::uint16_t*>(x.data)[at])
                                           << 16;
                float wide;
                __builtin_memcpy(&wide, &bits, sizeof wide);
                value = static_cast<T>(wide);
            }
            staging[r * width + c] = value;
        }
    }
    return {staging, width};
}

}  // namespace synfer::SYNFER_LEVEL
