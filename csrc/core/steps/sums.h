// Sums over the batch: gradients of factors and bias.
//
// A running sum in float loses one rounding for every term: over a quarter of a million samples the
// third digit. So at most `kMostAdded` samples are added up in the type computed in; each such sum
// is carried into a total in double.
#pragma once

#include "../layer.h"

namespace qimlp {
namespace {

constexpr Index kMostAdded = 64;

template <class T>
void fill_zero(T* values, Index count) {
  for (Index i = 0; i < count; ++i) values[i] = T(0);
}

// sums (width) += the rows of `values` (rows, width).
template <class Row, class T>
void add_rows(Index rows, Index width, const Row* values, T* sums) {
  using S = Simd<T>;
  for (Index j = 0; j < width; j += S::kLanes) {
    const typename S::Mask mask = S::first(width - j < S::kLanes ? width - j : S::kLanes);
    typename S::Vector sum = S::load(sums + j, mask);
    for (Index i = 0; i < rows; ++i) sum = S::add(sum, S::load(values + i * width + j, mask));
    S::store(sums + j, sum, mask);
  }
}

// total += sum, and the sum starts anew.
template <class T>
void carry(Index count, T* sum, double* total) {
  for (Index i = 0; i < count; ++i) total[i] += static_cast<double>(sum[i]);
  fill_zero(sum, count);
}

// result = the totals of all tasks, `stride` apart, added up in the order of the tasks.
template <class T>
void add_totals(Index count, Index tasks, const double* total, Index stride, T* result) {
  for (Index i = 0; i < count; ++i) {
    double all = total[i];
    for (Index t = 1; t < tasks; ++t) all += total[t * stride + i];
    result[i] = static_cast<T>(all);
  }
}

}  // namespace
}  // namespace qimlp
