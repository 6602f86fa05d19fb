#define QIMLP_BY_TILES
#include "../simd/simd_avx512.h"
#include "../simd/simd_pairs.h"
// The vectors come first, then the product by tiles; everything below is built on them.
#include "../steps/product_tiles.h"
#include "engine_pairs.h"
#include "engines.h"

namespace qimlp {

extern const Engine<BFloat16> amx_bfloat16 = make_pairs_engine();

}  // namespace qimlp
