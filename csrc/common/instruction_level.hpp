#pragma once

// Which of the builds of the kernels runs: the highest level that this processor has, unless a lower one is asked for.

namespace synfer {

enum class InstructionLevel { baseline = 0, avx2 = 1, avx512 = 2 };
inline constexpr int n_instruction_levels = 3;

const char* name_of(InstructionLevel);
// Built, and the processor and the operating system have it.
bool available(InstructionLevel);
InstructionLevel highest_available();

// The level in force for the whole process; to begin with, the highest available.
InstructionLevel instruction_level();
void set_instruction_level(InstructionLevel);

}  // namespace synfer
