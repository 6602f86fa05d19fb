// The engines that were built, and the best one that this machine can run.
#pragma once

#include "../layer.h"

namespace qimlp {

extern const Engine<float> avx512_float, avx2_float, neon_float, portable_float;
extern const Engine<double> avx512_double, avx2_double, neon_double, portable_double;
extern const Engine<BFloat16> amx_bfloat16, avx512_bf16_bfloat16, avx512_bfloat16, avx2_bfloat16,
    neon_bfloat16, portable_bfloat16;

// AVX-512 is what all chips with it have had since the first Xeons: F, VL, BW and DQ. AMX is its tiles of
// bfloat16, on chips that have AVX-512 BF16 too.
enum class InstructionSet { kPortable, kNeon, kAvx2, kAvx512, kAvx512Bf16, kAmx };
constexpr InstructionSet kInstructionSets[] = {
    InstructionSet::kPortable, InstructionSet::kNeon,       InstructionSet::kAvx2,
    InstructionSet::kAvx512,   InstructionSet::kAvx512Bf16, InstructionSet::kAmx};

// The best that this machine can run; asked once.
InstructionSet best_instruction_set();

// Whether this machine can run it.
bool has_instruction_set(InstructionSet set);

const char* instruction_set_name(InstructionSet set);

// The engine for rows of a number type, on instructions that this machine has.
template <class S>
const Engine<S>& engine(InstructionSet set);

}  // namespace qimlp
