#include "../simd/simd_avx512.h"
// The vectors come first; everything below is built on them.
#include "engine.h"
#include "engines.h"
#include "../tables/table_engine.h"

namespace qimlp {

extern const Engine<float> avx512_float = make_engine<Plain<float>>();
extern const Engine<double> avx512_double = make_engine<Plain<double>>();
extern const Engine<BFloat16> avx512_bfloat16 = make_engine<Widened>();
extern const TableEngine<float> avx512_table_float = make_table_engine<float>();
extern const TableEngine<double> avx512_table_double = make_table_engine<double>();

}  // namespace qimlp
