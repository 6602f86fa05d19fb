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

inline void convert(Index count, const BFloat16* from, float* to) {
  for (Index i = 0; i < count; ++i) to[i] = widen(from[i]);
}

inline void convert(Index count, const float* from, BFloat16* to) {
  for (Index i = 0; i < count; ++i) to[i] = narrow(from[i]);
}

// Rows as they are computed with: converted into `room`, or where they lie.
template <class S>
const Computed<S>* widened(Index count, const S* rows, Computed<S>* room) {
  if constexpr (kConverts<S>) {
    convert(count, rows, room);
    return room;
  } else {
    return rows;
  }
}

}  // namespace
}  // namespace qimlp
