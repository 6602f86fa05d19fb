// Transposes small matrices, a square of vectors at a time.
#pragma once

#include "../layer.h"

namespace qimlp {
namespace {

template <class T>
Index round_to_vectors(Index n) {
  return (n + Simd<T>::kLanes - 1) / Simd<T>::kLanes * Simd<T>::kLanes;
}

// out (columns, rows) = in (rows, columns) transposed. Every row of `out` has room for whole
// vectors (out_stride >= rows rounded up); what lies beyond `rows` is overwritten with zeros.
template <class T, class In>
void transpose(Index rows, Index columns, const In* in, Index in_stride, T* out, Index out_stride) {
  using S = Simd<T>;
  constexpr Index lanes = S::kLanes;
  for (Index i = 0; i < rows; i += lanes) {
    const Index height = rows - i < lanes ? rows - i : lanes;
    for (Index j = 0; j < columns; j += lanes) {
      const Index width = columns - j < lanes ? columns - j : lanes;
      const typename S::Mask mask = S::first(width);
      typename S::Vector square[lanes];
      for (Index k = 0; k < height; ++k) square[k] = S::load(in + (i + k) * in_stride + j, mask);
      for (Index k = height; k < lanes; ++k) square[k] = S::zero();
      S::transpose(square);
      for (Index k = 0; k < width; ++k) S::store(out + (j + k) * out_stride + i, square[k]);
    }
  }
}

// The same without room beyond `rows`: nothing there is written.
template <class T, class Out>
void transpose_tight(Index rows, Index columns, const T* in, Index in_stride, Out* out,
                     Index out_stride) {
  using S = Simd<T>;
  constexpr Index lanes = S::kLanes;
  for (Index i = 0; i < rows; i += lanes) {
    const Index height = rows - i < lanes ? rows - i : lanes;
    const typename S::Mask tail = S::first(height);
    for (Index j = 0; j < columns; j += lanes) {
      const Index width = columns - j < lanes ? columns - j : lanes;
      const typename S::Mask mask = S::first(width);
      typename S::Vector square[lanes];
      for (Index k = 0; k < height; ++k) square[k] = S::load(in + (i + k) * in_stride + j, mask);
      for (Index k = height; k < lanes; ++k) square[k] = S::zero();
      S::transpose(square);
      for (Index k = 0; k < width; ++k) S::store(out + (j + k) * out_stride + i, square[k], tail);
    }
  }
}

}  // namespace
}  // namespace qimlp
