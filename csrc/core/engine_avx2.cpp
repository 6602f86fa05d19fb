#include "simd_avx2.h"
// The vectors come first; everything below is built on them.
#include "engine.h"
#include "engines.h"

namespace qimlp {

extern const Engine<float> avx2_float = make_engine<float>();
extern const Engine<double> avx2_double = make_engine<double>();
extern const Engine<BFloat16> avx2_bfloat16 = make_engine<BFloat16>();

}  // namespace qimlp
