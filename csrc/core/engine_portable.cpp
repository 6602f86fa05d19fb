#include "simd_portable.h"
// The vectors come first; everything below is built on them.
#include "engine.h"
#include "engines.h"

namespace qimlp {

extern const Engine<float> portable_float = make_engine<float>();
extern const Engine<double> portable_double = make_engine<double>();
extern const Engine<BFloat16> portable_bfloat16 = make_engine<BFloat16>();

}  // namespace qimlp
