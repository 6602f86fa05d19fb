// Sine and cosine of angles given in turns.
//
// A whole number of turns is taken away exactly, and what the product rounded away is added back (if
// there is a fused multiply-add), so that large angles lose nothing but what x itself lacks. Half the rest lies within a quarter turn,
// where short polynomials do: sin 2a = 2 sin a cos a, cos 2a = 1 - 2 sin^2 a. No branch, no table.
#pragma once

#include "../layer.h"
#include "../steps/gelu.h"

namespace qimlp {
namespace {

// Of r^2, for |r| <= 1/2: sin(pi r) / r and cos(pi r). Chebyshev sums, errors below the type's.
template <class T>
struct TurnConstants;

template <>
struct TurnConstants<float> {
  static constexpr float kSine[] = {3.14159265f,    -5.16771276f,   2.55016332f,
                                    -0.599252187f, 0.0820503502f, -0.00702830386f};
  static constexpr float kCosine[] = {1.0f,          -4.93480214f,  4.05870915f,
                                      -1.33521195f, 0.234937069f, -0.0243959321f};
  static constexpr float kRound = 12582912.0f;  // adding it rounds to a whole number
};

template <>
struct TurnConstants<double> {
  static constexpr double kSine[] = {3.1415926535897932385,    -5.1677127800499700285,
                                     2.5501640398773453428,    -0.59926452932078689914,
                                     0.082145886610993557444,  -0.0073704309437021358482,
                                     4.6630278745932727291e-4, -2.1915250301851374269e-5,
                                     7.9485390373723208439e-7, -2.2283712160696968871e-8};
  static constexpr double kCosine[] = {1.0,
                                       -4.9348022005446793043,
                                       4.0587121264167675439,
                                       -1.3352627688545549643,
                                       0.23533063035799501991,
                                       -0.025806891376592964032,
                                       0.001929574187281234834,
                                       -1.0463741681752138305e-4,
                                       4.3007241727348469251e-6,
                                       -1.3435212950953200672e-7};
  static constexpr double kRound = 6755399441055744.0;
};

// Of frequency * x turns.
template <class T>
void sine_cosine(typename Simd<T>::Vector frequency, typename Simd<T>::Vector x,
                 typename Simd<T>::Vector* sine, typename Simd<T>::Vector* cosine) {
  using S = Simd<T>;
  using C = TurnConstants<T>;
  using Vector = typename S::Vector;
  const Vector turns = S::mul(frequency, x);
  const Vector lost = S::fma(frequency, x, S::sub(S::zero(), turns));
  const Vector whole = S::sub(S::add(turns, S::all(C::kRound)), S::all(C::kRound));
  const Vector rest = S::add(S::sub(turns, whole), lost);
  const Vector square = S::mul(rest, rest);
  const Vector s = S::mul(rest, polynomial<T>(square, C::kSine));
  const Vector c = polynomial<T>(square, C::kCosine);
  const Vector twice = S::add(s, s);
  *sine = S::mul(twice, c);
  *cosine = S::sub(S::all(T(1)), S::mul(twice, s));
}

}  // namespace
}  // namespace qimlp
