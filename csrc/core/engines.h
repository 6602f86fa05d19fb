// The engines that were built, and the best one that this machine can run.
#pragma once

#include "layer.h"

namespace qimlp {

extern const Engine<float> avx512_float, avx2_float, portable_float;
extern const Engine<double> avx512_double, avx2_double, portable_double;
extern const Engine<BFloat16> amx_bfloat16, avx512_bf16_bfloat16, avx512_bfloat16, avx2_bfloat16,
    portable_bfloat16;

// AVX-512 is what all chips with it have had since the first Xeons: F, VL, BW and DQ. AMX is its tiles of
// bfloat16, on chips that have AVX-512 BF16 too.
enum class InstructionSet { kPortable, kAvx2, kAvx512, kAvx512Bf16, kAmx };

// What this machine can run; asked once.
InstructionSet best_instruction_set();

const char* instruction_set_name(InstructionSet set);

// The engine for rows of a number type; `set` must not be above `best_instruction_set()`.
template <class S>
const Engine<S>& engine(InstructionSet set);

}  // namespace qimlp
