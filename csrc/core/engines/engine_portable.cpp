#include "../simd/simd_portable.h"
// The vectors come first; everything below is built on them.
#include "engine.h"
#include "engines.h"
#include "../tables/table_engine.h"

namespace qimlp {

extern const Engine<float> portable_float = make_engine<Plain<float>>();
extern const Engine<double> portable_double = make_engine<Plain<double>>();
extern const Engine<BFloat16> portable_bfloat16 = make_engine<Widened>();
extern const TableEngine<float> portable_table_float = make_table_engine<float>();
extern const TableEngine<double> portable_table_double = make_table_engine<double>();

}  // namespace qimlp
