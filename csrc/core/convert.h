// Between the type that rows are held in and the one that they are computed in.
#pragma once

#include <cstring>
#include <type_traits>

#include "layer.h"

namespace qimlp {
namespace {

// Whether rows held in S have to be converted at all.
template <class S>
constexpr bool kConverts = !std::is_same_v<S, Computed<S>>;

inline float widen(BFloat16 narrow) {
  const std::uint32_t bits = static_cast<std::uint32_t>(narrow.bits) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

// Rounded to the nearest, ties to even; a NaN stays one.
inline BFloat16 narrow(float wide) {
  std::uint32_t bits;
  std::memcpy(&bits, &wide, sizeof bits);
  const std::uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return {static_cast<std::uint16_t>((is_nan ? bits | 0x400000u : rounded) >> 16)};
}

}  // namespace
}  // namespace qimlp
