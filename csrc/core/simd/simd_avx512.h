// Vectors of AVX-512.
#pragma once

#include <immintrin.h>

#include "../layer.h"

namespace qimlp {
namespace {

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Vector = __m512;
  using Mask = __mmask16;
  static constexpr Index kLanes = 16, kPaired = 1;
  static Mask first(Index n) { return static_cast<Mask>(0xffffu >> (16 - n)); }
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector spread(const float* p) { return all(*p); }
  static Vector all(float x) { return _mm512_set1_ps(x); }
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
  static void store(float* p, Vector v, Mask m) { _mm512_mask_storeu_ps(p, m, v); }
  static Vector load(const BFloat16* p) { return load(p, 0xffff); }
  static Vector load(const BFloat16* p, Mask m) {
    const __m512i bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
  }
  static void store(BFloat16* p, Vector v) { store(p, v, 0xffff); }
  static void store(BFloat16* p, Vector v, Mask m) {
    _mm256_mask_storeu_epi16(p, m, narrow_bits(v));
  }
  // Rounded to the nearest, ties to even; a NaN stays one.
  static __m256i narrow_bits(Vector v) {
#ifdef __AVX512BF16__
    return (__m256i)_mm512_cvtneps_pbh(v);
#else
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded =
        _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const Mask is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(
        _mm512_srli_epi32(_mm512_mask_blend_epi32(is_nan, rounded, quiet), 16));
#endif
  }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector div(Vector a, Vector b) { return _mm512_div_ps(a, b); }
  // The second where one of them is a NaN.
  static Vector smaller(Vector a, Vector b) { return _mm512_min_ps(a, b); }
  static Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static Vector where_negative(Vector x, Vector then, Vector otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, zero(), _CMP_LT_OQ), otherwise, then);
  }
  // 2 to the power whose biased exponent the lowest bits hold.
  static Vector power_of_two(Vector bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(bits), 23));
  }
  static float sum(Vector v) { return _mm512_reduce_add_ps(v); }
  // Transpose kLanes vectors in place.
  static void transpose(Vector* v) {
    __m512 t[16];
    for (int i = 0; i < 16; i += 4) {  // 4 x 4 within each quarter
      const __m512 a = _mm512_unpacklo_ps(v[i], v[i + 1]), b = _mm512_unpackhi_ps(v[i], v[i + 1]);
      const __m512 c = _mm512_unpacklo_ps(v[i + 2], v[i + 3]);
      const __m512 d = _mm512_unpackhi_ps(v[i + 2], v[i + 3]);
      t[i] = _mm512_shuffle_ps(a, c, 0x44);
      t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
      t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
      t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    for (int i = 0; i < 4; ++i) {  // the quarters among each other
      const __m512 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
      const __m512 b = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
      const __m512 c = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
      const __m512 d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
      v[i] = _mm512_shuffle_f32x4(a, b, 0x88);
      v[i + 8] = _mm512_shuffle_f32x4(a, b, 0xdd);
      v[i + 4] = _mm512_shuffle_f32x4(c, d, 0x88);
      v[i + 12] = _mm512_shuffle_f32x4(c, d, 0xdd);
    }
  }
};

template <>
struct Simd<double> {
  using Vector = __m512d;
  using Mask = __mmask8;
  static constexpr Index kLanes = 8, kPaired = 1;
  static Mask first(Index n) { return static_cast<Mask>(0xffu >> (8 - n)); }
  static Vector zero() { return _mm512_setzero_pd(); }
  static Vector spread(const double* p) { return all(*p); }
  static Vector all(double x) { return _mm512_set1_pd(x); }
  static Vector load(const double* p) { return _mm512_loadu_pd(p); }
  static Vector load(const double* p, Mask m) { return _mm512_maskz_loadu_pd(m, p); }
  static void store(double* p, Vector v) { _mm512_storeu_pd(p, v); }
  static void store(double* p, Vector v, Mask m) { _mm512_mask_storeu_pd(p, m, v); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_pd(a, b, c); }
  static Vector add(Vector a, Vector b) { return _mm512_add_pd(a, b); }
  static Vector sub(Vector a, Vector b) { return _mm512_sub_pd(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm512_mul_pd(a, b); }
  static Vector div(Vector a, Vector b) { return _mm512_div_pd(a, b); }
  // The second where one of them is a NaN.
  static Vector smaller(Vector a, Vector b) { return _mm512_min_pd(a, b); }
  static Vector larger(Vector a, Vector b) { return _mm512_max_pd(a, b); }
  static Vector where_negative(Vector x, Vector then, Vector otherwise) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(x, zero(), _CMP_LT_OQ), otherwise, then);
  }
  // 2 to the power whose biased exponent the lowest bits hold.
  static Vector power_of_two(Vector bits) {
    return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(bits), 52));
  }
  static double sum(Vector v) { return _mm512_reduce_add_pd(v); }
  // Transpose kLanes vectors in place.
  static void transpose(Vector* v) {
    __m512d t[8];
    for (int i = 0; i < 8; i += 2) {  // 2 x 2 within each quarter
      t[i] = _mm512_unpacklo_pd(v[i], v[i + 1]);
      t[i + 1] = _mm512_unpackhi_pd(v[i], v[i + 1]);
    }
    for (int i = 0; i < 2; ++i) {  // the quarters among each other
      const __m512d a = _mm512_shuffle_f64x2(t[i], t[i + 2], 0x88);
      const __m512d b = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0x88);
      const __m512d c = _mm512_shuffle_f64x2(t[i], t[i + 2], 0xdd);
      const __m512d d = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0xdd);
      v[i] = _mm512_shuffle_f64x2(a, b, 0x88);
      v[i + 4] = _mm512_shuffle_f64x2(a, b, 0xdd);
      v[i + 2] = _mm512_shuffle_f64x2(c, d, 0x88);
      v[i + 6] = _mm512_shuffle_f64x2(c, d, 0xdd);
    }
  }
};

// Register blocks: 32 registers hold the sums, one row of vectors and one broadcast.
constexpr int kMostVectors = 3;
constexpr int kMostRows[kMostVectors + 1] = {0, 14, 14, 9};
constexpr int kDotBlock = 5;

}  // namespace
}  // namespace qimlp
