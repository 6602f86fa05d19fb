// The exact GELU, z Phi(z), and its slope, Phi(z) + z phi(z), in place on rows of results.
//
// With a = |z|: Phi(-a) = exp(-a^2 / 2) R(a), where R(a) (a + k) is a polynomial in
// t = (a - k) / (a + k) (Shepherd and Laframboise 1981: t takes all a to a short interval). So the
// tails keep their relative precision, which 1 + erf loses. Polynomials: Chebyshev sums of the true
// functions, relative errors 3e-8 and 3e-17.
#pragma once

#include "../layer.h"

namespace qimlp {
namespace {

template <class T>
struct GeluConstants;

template <>
struct GeluConstants<float> {
  // Beyond it exp(-a^2 / 2) leaves the normal numbers.
  static constexpr float kLargest = 13.0f, kCentre = 3.0f;
  static constexpr float kMills[] = {0.729083681f,     -0.509332114f,   0.230018409f,
                                     -0.0472592378f,   -0.0104703178f,  0.0069409149f,
                                     0.00104702636f,   -0.000940899008f, -0.00024087949f,
                                     2.92669499e-5f};
  static constexpr float kExp[] = {1.0f,          1.00000004f,    0.500000011f,  0.166664053f,
                                   0.0416662f,    0.00837597082f, 0.00139497829f};
  // Adding it rounds to a whole number, whose lowest bits are then a biased exponent.
  static constexpr float kRound = 12582912.0f + 127.0f;
  static constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
};

template <>
struct GeluConstants<double> {
  static constexpr double kLargest = 37.0, kCentre = 4.0;
  static constexpr double kMills[] = {
      0.75528513041575148,   -0.60789664197189177,  0.38713740074221786,   -0.1865218579596935,
      0.060396574890750546,  -0.0075401889655891578, -0.0034796923632383536, 0.0016308184414417799,
      0.00013334426382713511, -0.00023109481139886211, -1.9079214683679859e-6, 3.5144130942433443e-5,
      7.1518938468768853e-7, -5.9186875919081512e-6, -6.2549796151512992e-7, 1.0193067285193769e-6,
      2.6408148733781513e-7, -1.5354979301600773e-7, -7.6542625035967652e-8, 1.4021894862655414e-8,
      1.3848528442410689e-8, 2.5525318279398509e-10, -8.9635167271758523e-10};
  static constexpr double kExp[] = {1.0,
                                    1.0,
                                    0.50000000000000203,
                                    0.16666666666666706,
                                    0.041666666666473277,
                                    0.0083333333333075521,
                                    0.0013888888956222757,
                                    0.00019841269913402648,
                                    2.4801481341266673e-5,
                                    2.7557221125420441e-6,
                                    2.7634156569503638e-7,
                                    2.5116133219042485e-8};
  static constexpr double kRound = 6755399441055744.0 + 1023.0;
  static constexpr double kLn2High = 6.93147180369123816490e-01;
  static constexpr double kLn2Low = 1.90821492927058770002e-10;
};

template <class T, int kCount>
typename Simd<T>::Vector polynomial(typename Simd<T>::Vector x, const T (&coefficients)[kCount]) {
  using S = Simd<T>;
  typename S::Vector sum = S::all(coefficients[kCount - 1]);
#pragma GCC unroll 32
  for (int i = kCount - 2; i >= 0; --i) sum = S::fma(sum, x, S::all(coefficients[i]));
  return sum;
}

// exp(x) for x <= 0, as far as its exponent fits.
template <class T>
typename Simd<T>::Vector exp_of(typename Simd<T>::Vector x) {
  using S = Simd<T>;
  using C = GeluConstants<T>;
  constexpr T kLog2E = static_cast<T>(1.4426950408889634074);
  const typename S::Vector rounded = S::fma(x, S::all(kLog2E), S::all(C::kRound));
  const typename S::Vector n = S::sub(rounded, S::all(C::kRound));
  typename S::Vector rest = S::fma(n, S::all(-C::kLn2High), x);
  rest = S::fma(n, S::all(-C::kLn2Low), rest);
  return S::mul(polynomial<T>(rest, C::kExp), S::power_of_two(rounded));
}

// GELU of z; a NaN stays one, infinities have their limits.
template <class T>
typename Simd<T>::Vector gelu_of(typename Simd<T>::Vector z, typename Simd<T>::Vector* slope) {
  using S = Simd<T>;
  using C = GeluConstants<T>;
  using Vector = typename S::Vector;
  constexpr T kDensity = static_cast<T>(0.39894228040143267794);  // 1 / sqrt(2 pi)
  const Vector a = S::smaller(S::all(C::kLargest), S::larger(z, S::sub(S::zero(), z)));
  const Vector e = exp_of<T>(S::mul(S::mul(a, S::all(T(-0.5))), a));
  const Vector k = S::all(C::kCentre);
  const Vector inverse = S::div(S::all(T(1)), S::add(a, k));
  const Vector t = S::mul(S::sub(a, k), inverse);
  const Vector tail = S::mul(S::mul(e, inverse), polynomial<T>(t, C::kMills));  // Phi(-a)
  const Vector minus_a = S::sub(S::zero(), a);
  if (slope != nullptr) {
    const Vector below = S::fma(S::mul(minus_a, S::all(kDensity)), e, tail);  // the slope at -a
    *slope = S::where_negative(z, below, S::sub(S::all(T(1)), below));
  }
  return S::fma(minus_a, tail, S::larger(S::zero(), z));
}

// In place; where slopes are not asked for, `slopes` is null.
template <class Value, class Slope>
void gelu(Index count, Value* values, Slope* slopes) {
  using T = Computed<Value>;
  using S = Simd<T>;
  for (Index i = 0; i < count; i += S::kLanes) {
    const Index left = count - i;
    const typename S::Mask mask = S::first(left < S::kLanes ? left : S::kLanes);
    typename S::Vector slope;
    const typename S::Vector z = S::load(values + i, mask);
    S::store(values + i, gelu_of<T>(z, slopes == nullptr ? nullptr : &slope), mask);
    if (slopes != nullptr) S::store(slopes + i, slope, mask);
  }
}

// The gradient of what GELU was given from that of its result.
template <class Row, class Out>
void multiply(Index count, const Row* grad, const Row* slopes, Out* out) {
  using S = Simd<Computed<Row>>;
  for (Index i = 0; i < count; i += S::kLanes) {
    const Index left = count - i;
    const typename S::Mask mask = S::first(left < S::kLanes ? left : S::kLanes);
    S::store(out + i, S::mul(S::load(grad + i, mask), S::load(slopes + i, mask)), mask);
  }
}

}  // namespace
}  // namespace qimlp
