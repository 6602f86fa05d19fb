#include "../simd/simd_portable.h"
// The vectors come first; everything below is built on them.
#include "engine.h"
#include "engines.h"

namespace qimlp {

extern const Engine<float> portable_float = make_engine<Plain<float>>();
extern const Engine<double> portable_double = make_engine<Plain<double>>();
extern const Engine<BFloat16> portable_bfloat16 = make_engine<Widened>();

}  // namespace qimlp
