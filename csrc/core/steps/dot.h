// Gradient of a column step's factor: dot products along the contiguous axis.
#pragma once

#include <utility>

#include "../layer.h"

namespace qimlp {
namespace {

// out[i, j] += sum_n sum_k a_n[i, k] * b_n[j, k], with n < items, i < rows, j < columns, k < depth;
// both contiguous along k. Sums run over all items in registers and are added up across lanes once.
template <class T>
struct Dot {
  Index rows, columns, depth, items;
  const T* a;
  Index a_stride, a_item;
  const T* b;
  Index b_stride, b_item;
  T* out;
  Index out_stride;
};

template <class T, int kRows, int kColumns>
void dot_block(const Dot<T>& d, const T* a, const T* b, T* out) {
  using S = Simd<T>;
  typename S::Vector sum[kRows][kColumns];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j) sum[i][j] = S::zero();
  }
  const Index whole = d.depth / S::kLanes * S::kLanes;
  const bool has_tail = whole < d.depth;
  const typename S::Mask mask = S::first(has_tail ? d.depth - whole : S::kLanes);
  for (Index n = 0; n < d.items; ++n) {
    const T* an = a + n * d.a_item;
    const T* bn = b + n * d.b_item;
    for (Index k = 0; k < whole; k += S::kLanes) {
      typename S::Vector left[kRows];
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) left[i] = S::load(an + i * d.a_stride + k);
#pragma GCC unroll 8
      for (int j = 0; j < kColumns; ++j) {
        const typename S::Vector right = S::load(bn + j * d.b_stride + k);
#pragma GCC unroll 8
        for (int i = 0; i < kRows; ++i) sum[i][j] = S::fma(left[i], right, sum[i][j]);
      }
    }
    if (has_tail) {
      typename S::Vector left[kRows];
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) left[i] = S::load(an + i * d.a_stride + whole, mask);
#pragma GCC unroll 8
      for (int j = 0; j < kColumns; ++j) {
        const typename S::Vector right = S::load(bn + j * d.b_stride + whole, mask);
#pragma GCC unroll 8
        for (int i = 0; i < kRows; ++i) sum[i][j] = S::fma(left[i], right, sum[i][j]);
      }
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) out[i * d.out_stride + j] += S::sum(sum[i][j]);
  }
}

template <class T>
using DotFunction = void (*)(const Dot<T>&, const T*, const T*, T*);

template <class T, int... kSizes>
DotFunction<T> pick_dot(Index rows, Index columns, std::integer_sequence<int, kSizes...>) {
  static constexpr DotFunction<T> table[] = {
      dot_block<T, kSizes / kDotBlock + 1, kSizes % kDotBlock + 1>...};
  return table[(rows - 1) * kDotBlock + columns - 1];
}

template <class T>
void dot(const Dot<T>& d) {
  const Index row_blocks = (d.rows + kDotBlock - 1) / kDotBlock;
  const Index column_blocks = (d.columns + kDotBlock - 1) / kDotBlock;
  for (Index jb = 0, j = 0; jb < column_blocks; ++jb) {
    const Index columns = (d.columns - j) / (column_blocks - jb);
    for (Index ib = 0, i = 0; ib < row_blocks; ++ib) {
      const Index rows = (d.rows - i) / (row_blocks - ib);
      const DotFunction<T> block =
          pick_dot<T>(rows, columns, std::make_integer_sequence<int, kDotBlock * kDotBlock>());
      block(d, d.a + i * d.a_stride, d.b + j * d.b_stride, d.out + i * d.out_stride + j);
      i += rows;
    }
    j += columns;
  }
}

}  // namespace
}  // namespace qimlp
