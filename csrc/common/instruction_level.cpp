#include "common/instruction_level.hpp"

#include <atomic>

namespace synfer {

const char* name_of(InstructionLevel level) {
    constexpr const char* names[n_instruction_levels] = {"baseline", "avx2", "avx512"};
    return names[static_cast<int>(level)];
}

bool available(InstructionLevel level) {
    switch (level) {
        case InstructionLevel::baseline:
            return true;
#ifdef SYNFER_X86_LEVELS
        // These ask the processor and whether the operating system saves the registers.
        case InstructionLevel::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case InstructionLevel::avx512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
        default:
            return false;
    }
}

InstructionLevel highest_available() {
    for (int level = n_instruction_levels - 1; level > 0; --level) {
        if (available(static_cast<InstructionLevel>(level))) return static_cast<InstructionLevel>(level);
    }
    return InstructionLevel::baseline;
}

namespace {
std::atomic<InstructionLevel>& in_force() {
    static std::atomic<InstructionLevel> level{highest_available()};
    return level;
}
}  // namespace

InstructionLevel instruction_level() { return in_force().load(); }

void set_instruction_level(InstructionLevel level) { in_force().store(level); }

}  // namespace synfer
