// Vectors of AVX2 with FMA.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "../layer.h"

namespace qimlp {
namespace {

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Vector = __m256;
  using Mask = __m256i;
  static constexpr Index kLanes = 8, kPaired = 1;
  static Mask first(Index n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector spread(const float* p) { return all(*p); }
  static Vector all(float x) { return _mm256_set1_ps(x); }
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static Vector load(const float* p, Mask m) { return _mm256_maskload_ps(p, m); }
  static void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
  static void store(float* p, Vector v, Mask m) { _mm256_maskstore_ps(p, m, v); }
  static Vector load(const BFloat16* p) {
    const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
  }
  static Vector load(const BFloat16* p, Mask m) {
    BFloat16 whole[kLanes] = {};
    std::memcpy(whole, p, count(m) * sizeof *p);
    return load(whole);
  }
  static void store(BFloat16* p, Vector v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), narrow_bits(v));
  }
  static void store(BFloat16* p, Vector v, Mask m) {
    BFloat16 whole[kLanes];
    store(whole, v);
    std::memcpy(p, whole, count(m) * sizeof *p);
  }
  // Lanes of a mask that `first` made.
  static std::size_t count(Mask m) {
    const unsigned lanes = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(m)));
    return static_cast<std::size_t>(std::popcount(lanes));
  }
  // Rounded to the nearest, ties to even; a NaN stays one.
  static __m128i narrow_bits(Vector v) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256 is_nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
    const __m256 kept =
        _mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet), is_nan);
    const __m256i upper = _mm256_srli_epi32(_mm256_castps_si256(kept), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
  }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector div(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  // The second where one of them is a NaN.
  static Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  static Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static Vector where_negative(Vector x, Vector then, Vector otherwise) {
    return _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps(x, zero(), _CMP_LT_OQ));
  }
  // 2 to the power whose biased exponent the lowest bits hold.
  static Vector power_of_two(Vector bits) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(bits), 23));
  }
  static float sum(Vector v) {
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
  }
  // Transpose kLanes vectors in place.
  static void transpose(Vector* v) {
    __m256 t[8];
    for (int i = 0; i < 8; i += 4) {  // 4 x 4 within each half
      const __m256 a = _mm256_unpacklo_ps(v[i], v[i + 1]), b = _mm256_unpackhi_ps(v[i], v[i + 1]);
      const __m256 c = _mm256_unpacklo_ps(v[i + 2], v[i + 3]);
      const __m256 d = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
      t[i] = _mm256_shuffle_ps(a, c, 0x44);
      t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
      t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
      t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    for (int i = 0; i < 4; ++i) {  // the halves among each other
      v[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
      v[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
  }
};

template <>
struct Simd<double> {
  using Vector = __m256d;
  using Mask = __m256i;
  static constexpr Index kLanes = 4, kPaired = 1;
  static Mask first(Index n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
  static Vector zero() { return _mm256_setzero_pd(); }
  static Vector spread(const double* p) { return all(*p); }
  static Vector all(double x) { return _mm256_set1_pd(x); }
  static Vector load(const double* p) { return _mm256_loadu_pd(p); }
  static Vector load(const double* p, Mask m) { return _mm256_maskload_pd(p, m); }
  static void store(double* p, Vector v) { _mm256_storeu_pd(p, v); }
  static void store(double* p, Vector v, Mask m) { _mm256_maskstore_pd(p, m, v); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_pd(a, b, c); }
  static Vector add(Vector a, Vector b) { return _mm256_add_pd(a, b); }
  static Vector sub(Vector a, Vector b) { return _mm256_sub_pd(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm256_mul_pd(a, b); }
  static Vector div(Vector a, Vector b) { return _mm256_div_pd(a, b); }
  // The second where one of them is a NaN.
  static Vector smaller(Vector a, Vector b) { return _mm256_min_pd(a, b); }
  static Vector larger(Vector a, Vector b) { return _mm256_max_pd(a, b); }
  static Vector where_negative(Vector x, Vector then, Vector otherwise) {
    return _mm256_blendv_pd(otherwise, then, _mm256_cmp_pd(x, zero(), _CMP_LT_OQ));
  }
  // 2 to the power whose biased exponent the lowest bits hold.
  static Vector power_of_two(Vector bits) {
    return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(bits), 52));
  }
  static double sum(Vector v) {
    const __m128d h = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(h, _mm_unpackhi_pd(h, h)));
  }
  // Transpose kLanes vectors in place.
  static void transpose(Vector* v) {
    __m256d t[4];
    for (int i = 0; i < 4; i += 2) {  // 2 x 2 within each half
      t[i] = _mm256_unpacklo_pd(v[i], v[i + 1]);
      t[i + 1] = _mm256_unpackhi_pd(v[i], v[i + 1]);
    }
    for (int i = 0; i < 2; ++i) {  // the halves among each other
      v[i] = _mm256_permute2f128_pd(t[i], t[i + 2], 0x20);
      v[i + 2] = _mm256_permute2f128_pd(t[i], t[i + 2], 0x31);
    }
  }
};

// Register blocks: 16 registers hold the sums, one row of vectors and one broadcast.
constexpr int kMostVectors = 3;
constexpr int kMostRows[kMostVectors + 1] = {0, 12, 6, 4};
constexpr int kDotBlock = 3;

}  // namespace
}  // namespace qimlp
