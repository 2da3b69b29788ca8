#pragma once
#include "common/philox.hpp"
#include "ensemble/layers.hpp"

// Who is dropped: for the kernels of the CPU and of CUDA devices alike.

namespace synfer::SYNFER_LEVEL {

// One Philox block decides eight elements, by 16 bits each: block b of a token the channels b, b + B, b + 2 B, ... of
// its B blocks, so that neighbouring blocks decide neighbouring channels.
SYNFER_DEVICE constexpr std::int64_t drop_blocks(std::int64_t n) { return (n + 127) / 128 * 16; }

SYNFER_DEVICE Words drop_words(const Drop& drop, std::uint32_t stream, std::int64_t group, std::int64_t token,
                               std::int64_t block) {
    return philox4x32({static_cast<std::uint32_t>(token), static_cast<std::uint32_t>(block), stream, drop.step},
                      static_cast<std::uint32_t>(drop.seeds[group]),
                      static_cast<std::uint32_t>(drop.seeds[group] >> 32));
}

// What is kept is multiplied by this.
template <class T>
SYNFER_DEVICE T drop_scale(std::uint32_t threshold) {
    return T(65536) / static_cast<T>(65536 - threshold);
}

}  // namespace synfer::SYNFER_LEVEL
