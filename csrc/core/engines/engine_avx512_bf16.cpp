#include "../simd/simd_avx512.h"
#include "../simd/simd_pairs.h"
// The vectors come first; everything below is built on them.
#include "engine_pairs.h"
#include "engines.h"

namespace qimlp {

extern const Engine<BFloat16> avx512_bf16_bfloat16 = make_pairs_engine();

}  // namespace qimlp
