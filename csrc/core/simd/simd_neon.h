// Vectors of NEON, which every 64-bit Arm processor has.
#pragma once

#include <arm_neon.h>

#include "../layer.h"

namespace qimlp {
namespace {

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Vector = float32x4_t;
  using Mask = Index;  // how many of the first lanes count
  static constexpr Index kLanes = 4, kPaired = 1;
  static Mask first(Index n) { return n; }
  static Vector zero() { return vdupq_n_f32(0); }
  // One number: a multiply-add takes a lane of a register as it is, so nothing is copied to all.
  static float spread(const float* p) { return *p; }
  static Vector all(float x) { return vdupq_n_f32(x); }
  static Vector load(const float* p) { return vld1q_f32(p); }
  static Vector load(const float* p, Mask m) {
    if (m == 4) return vld1q_f32(p);
    if (m == 1) return vsetq_lane_f32(*p, zero(), 0);
    const Vector two = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    return m == 2 ? two : vld1q_lane_f32(p + 2, two, 2);
  }
  static void store(float* p, Vector v) { vst1q_f32(p, v); }
  static void store(float* p, Vector v, Mask m) {
    if (m == 4) return vst1q_f32(p, v);
    if (m >= 2) vst1_f32(p, vget_low_f32(v));
    if (m == 1) vst1q_lane_f32(p, v, 0);
    if (m == 3) vst1q_lane_f32(p + 2, v, 2);
  }
  static Vector load(const BFloat16* p) {
    const uint16x4_t bits = vld1_u16(&p->bits);
    return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
  }
  static Vector load(const BFloat16* p, Mask m) {
    if (m == 4) return load(p);
    BFloat16 whole[kLanes] = {};
    for (Index i = 0; i < m; ++i) whole[i] = p[i];
    return load(whole);
  }
  static void store(BFloat16* p, Vector v) { vst1_u16(&p->bits, narrow_bits(v)); }
  static void store(BFloat16* p, Vector v, Mask m) {
    if (m == 4) return store(p, v);
    BFloat16 whole[kLanes];
    store(whole, v);
    for (Index i = 0; i < m; ++i) p[i] = whole[i];
  }
  // Rounded to the nearest, ties to even; a NaN stays one.
  static uint16x4_t narrow_bits(Vector v) {
    const uint32x4_t bits = vreinterpretq_u32_f32(v);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet), 16);
  }
  static Vector fma(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
  static Vector fma(float a, Vector b, Vector c) { return vfmaq_n_f32(c, b, a); }
  static Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
  static Vector sub(Vector a, Vector b) { return vsubq_f32(a, b); }
  static Vector mul(Vector a, Vector b) { return vmulq_f32(a, b); }
  static Vector div(Vector a, Vector b) { return vdivq_f32(a, b); }
  // The second where one of them is a NaN.
  static Vector smaller(Vector a, Vector b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static Vector larger(Vector a, Vector b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static Vector where_negative(Vector x, Vector then, Vector otherwise) {
    return vbslq_f32(vcltzq_f32(x), then, otherwise);
  }
  // 2 to the power whose biased exponent the lowest bits hold.
  static Vector power_of_two(Vector bits) {
    return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(bits), 23));
  }
  static float sum(Vector v) { return vaddvq_f32(v); }
  // Transpose kLanes vectors in place.
  static void transpose(Vector* v) {
    const float64x2_t a = pairs(vtrn1q_f32(v[0], v[1])), b = pairs(vtrn2q_f32(v[0], v[1]));
    const float64x2_t c = pairs(vtrn1q_f32(v[2], v[3])), d = pairs(vtrn2q_f32(v[2], v[3]));
    v[0] = vreinterpretq_f32_f64(vzip1q_f64(a, c));
    v[1] = vreinterpretq_f32_f64(vzip1q_f64(b, d));
    v[2] = vreinterpretq_f32_f64(vzip2q_f64(a, c));
    v[3] = vreinterpretq_f32_f64(vzip2q_f64(b, d));
  }

 private:
  static float64x2_t pairs(Vector v) { return vreinterpretq_f64_f32(v); }
};

template <>
struct Simd<double> {
  using Vector = float64x2_t;
  using Mask = Index;
  static constexpr Index kLanes = 2, kPaired = 1;
  static Mask first(Index n) { return n; }
  static Vector zero() { return vdupq_n_f64(0); }
  static double spread(const double* p) { return *p; }
  static Vector all(double x) { return vdupq_n_f64(x); }
  static Vector load(const double* p) { return vld1q_f64(p); }
  static Vector load(const double* p, Mask m) {
    return m == 2 ? vld1q_f64(p) : vsetq_lane_f64(*p, zero(), 0);
  }
  static void store(double* p, Vector v) { vst1q_f64(p, v); }
  static void store(double* p, Vector v, Mask m) {
    if (m == 2) return vst1q_f64(p, v);
    vst1q_lane_f64(p, v, 0);
  }
  static Vector fma(Vector a, Vector b, Vector c) { return vfmaq_f64(c, a, b); }
  static Vector fma(double a, Vector b, Vector c) { return vfmaq_n_f64(c, b, a); }
  static Vector add(Vector a, Vector b) { return vaddq_f64(a, b); }
  static Vector sub(Vector a, Vector b) { return vsubq_f64(a, b); }
  static Vector mul(Vector a, Vector b) { return vmulq_f64(a, b); }
  static Vector div(Vector a, Vector b) { return vdivq_f64(a, b); }
  // The second where one of them is a NaN.
  static Vector smaller(Vector a, Vector b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
  static Vector larger(Vector a, Vector b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
  static Vector where_negative(Vector x, Vector then, Vector otherwise) {
    return vbslq_f64(vcltzq_f64(x), then, otherwise);
  }
  // 2 to the power whose biased exponent the lowest bits hold.
  static Vector power_of_two(Vector bits) {
    return vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(bits), 52));
  }
  static double sum(Vector v) { return vaddvq_f64(v); }
  // Transpose kLanes vectors in place.
  static void transpose(Vector* v) {
    const Vector first = vzip1q_f64(v[0], v[1]);
    v[1] = vzip2q_f64(v[0], v[1]);
    v[0] = first;
  }
};

// Register blocks: 32 registers hold the sums, one row of vectors and some numbers of the other.
constexpr int kMostVectors = 3;
constexpr int kMostRows[kMostVectors + 1] = {0, 16, 12, 8};
constexpr int kDotBlock = 4;

}  // namespace
}  // namespace qimlp
