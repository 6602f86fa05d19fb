// Dropout by a counter: whether an entry is kept is a function of the seed and of its place, so that
// no number of threads and no order changes it, and it can be computed again.
#pragma once

#include <cstdint>

#include "../layer.h"

namespace qimlp {
namespace {

// SplitMix64 (Steele, Lea and Flood 2014): the n-th number of a seed.
inline std::uint64_t random_word(std::uint64_t seed, std::uint64_t n) {
  std::uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

constexpr Index kDroppedTogether = 64;  // words at a time, four entries each

// Multiplies entries of one row, `row`, by 0 or by `scale`; entry j is kept where 16 bits of its
// own are below `kept`. Every row has whole words of its own.
template <class T>
void drop_row(std::uint64_t seed, Index row, Index width, std::uint32_t kept, T scale, T* values,
              T* slopes) {
  const Index words = (width + 3) / 4;
  std::uint16_t bits[4 * kDroppedTogether];
  for (Index first = 0; first < words; first += kDroppedTogether) {
    const Index count = words - first < kDroppedTogether ? words - first : kDroppedTogether;
    for (Index n = 0; n < count; ++n) {
      const std::uint64_t word =
          random_word(seed, static_cast<std::uint64_t>(row * words + first + n));
      for (int i = 0; i < 4; ++i) bits[4 * n + i] = static_cast<std::uint16_t>(word >> (16 * i));
    }
    const Index begin = 4 * first;
    const Index entries = width - begin < 4 * count ? width - begin : 4 * count;
    for (Index j = 0; j < entries; ++j) {
      const T factor = bits[j] < kept ? scale : T(0);
      values[begin + j] *= factor;
      if (slopes != nullptr) slopes[begin + j] *= factor;
    }
  }
}

}  // namespace
}  // namespace qimlp
