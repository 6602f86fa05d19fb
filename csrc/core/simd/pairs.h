// Rows of bfloat16 numbers, rearranged so that the two of a pair are neighbours along an axis that is
// contracted. `out_stride` counts numbers and is at least twice the pairs of a row.
#pragma once

#include "../layer.h"

namespace qimlp {
namespace {

inline Index count_pairs(Index n) { return (n + 1) / 2; }

// Numbers at `upper` paired with those `stride` below, or with zeros.
inline __m512i pair(Simd<float>::Mask mask, const BFloat16* upper, Index stride, bool alone) {
  const __m256i first = _mm256_maskz_loadu_epi16(mask, upper);
  const __m256i second = alone ? _mm256_setzero_si256() : _mm256_maskz_loadu_epi16(mask, upper + stride);
  return _mm512_or_si512(_mm512_cvtepu16_epi32(first),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
}

// out (rows / 2, columns) of pairs (in[2 i, j], in[2 i + 1, j]); a last row alone is paired with zeros.
inline void pair_rows(Index rows, Index columns, const BFloat16* in, Index in_stride, BFloat16* out,
                      Index out_stride) {
  constexpr Index lanes = Simd<BFloat16>::kLanes;
  for (Index i = 0; i < rows; i += 2) {
    const BFloat16* upper = in + i * in_stride;
    const bool alone = i + 1 == rows;
    for (Index j = 0; j < columns; j += lanes) {
      const Simd<float>::Mask mask = Simd<float>::first(columns - j < lanes ? columns - j : lanes);
      _mm512_mask_storeu_epi32(out + 2 * j, mask, pair(mask, upper + j, in_stride, alone));
    }
    out += out_stride;
  }
}

// out (columns, rows) = in transposed, each of its rows ending with a zero where `rows` is odd.
inline void transpose_to_pairs(Index rows, Index columns, const BFloat16* in, Index in_stride,
                               BFloat16* out, Index out_stride) {
  constexpr Index lanes = Simd<BFloat16>::kLanes;
  const Index pairs = count_pairs(rows);
  for (Index i = 0; i < pairs; i += lanes) {
    const Index height = pairs - i < lanes ? pairs - i : lanes;
    const Simd<float>::Mask tail = Simd<float>::first(height);
    for (Index j = 0; j < columns; j += lanes) {
      const Index width = columns - j < lanes ? columns - j : lanes;
      __m512 square[lanes];
      for (Index k = 0; k < height; ++k) {
        const BFloat16* upper = in + 2 * (i + k) * in_stride + j;
        const bool alone = 2 * (i + k) + 1 == rows;
        square[k] = _mm512_castsi512_ps(pair(Simd<float>::first(width), upper, in_stride, alone));
      }
      for (Index k = height; k < lanes; ++k) square[k] = _mm512_setzero_ps();
      Simd<float>::transpose(square);
      for (Index k = 0; k < width; ++k) {
        _mm512_mask_storeu_epi32(out + (j + k) * out_stride + 2 * i, tail,
                                 _mm512_castps_si512(square[k]));
      }
    }
  }
}

// out (columns / 2, rows) of pairs (in[j, 2 i], in[j, 2 i + 1]); a last column alone is paired with
// zeros.
inline void pair_columns(Index rows, Index columns, const BFloat16* in, Index in_stride,
                         BFloat16* out, Index out_stride) {
  constexpr Index lanes = Simd<BFloat16>::kLanes;
  for (Index i = 0; i < rows; i += lanes) {
    const Index height = rows - i < lanes ? rows - i : lanes;
    const Simd<float>::Mask tail = Simd<float>::first(height);
    for (Index j = 0; j < columns; j += 2 * lanes) {
      const Index width = columns - j < 2 * lanes ? columns - j : 2 * lanes;
      const __mmask32 mask = static_cast<__mmask32>(0xffffffffu >> (32 - width));
      __m512 square[lanes];
      for (Index k = 0; k < height; ++k) {
        square[k] = _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(mask, in + (i + k) * in_stride + j));
      }
      for (Index k = height; k < lanes; ++k) square[k] = _mm512_setzero_ps();
      Simd<float>::transpose(square);
      for (Index k = 0; k < count_pairs(width); ++k) {
        _mm512_mask_storeu_epi32(out + (j / 2 + k) * out_stride + 2 * i, tail,
                                 _mm512_castps_si512(square[k]));
      }
    }
  }
}

}  // namespace
}  // namespace qimlp
