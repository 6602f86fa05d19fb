#include "../simd/simd_neon.h"
// The vectors come first; everything below is built on them.
#include "engine.h"
#include "engines.h"
#include "../tables/table_engine.h"

namespace qimlp {

extern const Engine<float> neon_float = make_engine<Plain<float>>();
extern const Engine<double> neon_double = make_engine<Plain<double>>();
extern const Engine<BFloat16> neon_bfloat16 = make_engine<Widened>();
extern const TableEngine<float> neon_table_float = make_table_engine<float>();
extern const TableEngine<double> neon_table_double = make_table_engine<double>();

}  // namespace qimlp
