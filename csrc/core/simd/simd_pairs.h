// Pairs of bfloat16 numbers, multiplied and added up in float: AVX-512 BF16. After simd_avx512.h.
#pragma once

#include <cstring>

#include "../layer.h"

namespace qimlp {
namespace {

// A lane holds two numbers. Their products are added to the lane's sum in float, each rounded.
template <>
struct Simd<BFloat16> {
  using Vector = __m512i;
  using Mask = __mmask16;
  static constexpr Index kLanes = Simd<float>::kLanes, kPaired = 2;
  // Whether products are taken by tiles (product_tiles.h), whose first argument lies in whole rows.
#ifdef QIMLP_BY_TILES
  static constexpr bool kByTiles = true;
#else
  static constexpr bool kByTiles = false;
#endif
  static Vector load(const BFloat16* p) { return _mm512_loadu_si512(p); }
  static Vector load(const BFloat16* p, Mask m) { return _mm512_maskz_loadu_epi32(m, p); }
  // The pair at p in every lane.
  static Vector spread(const BFloat16* p) {
    int pair;
    std::memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
  }
  // The number at p and a zero in every lane.
  static Vector spread_single(const BFloat16* p) { return _mm512_set1_epi32(p->bits); }
  static __m512 fma(Vector a, Vector b, __m512 sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
  }
};

}  // namespace
}  // namespace qimlp
