// Matrix product whose sums stay in registers; the only place where numbers are multiplied forward.
//
// Included once by the translation unit of each instruction set, after that set's simd_*.h.
#pragma once

#include <utility>

#include "../layer.h"
#include "prefetch.h"

namespace qimlp {
namespace {

// c[i, j] = init[i, j] + sum_o sum_k a_o[i, k] * b_o[k, j], with i < rows, j < columns, k < depth,
// o < outer. Columns of b, c and init are contiguous. `a` is contiguous along k with `a_stride`
// from row to row, or, if `kByRow`, contiguous along i with `a_stride` from k to k. `init` may be
// null (zeros) and may be c.
//
// Where a lane multiplies two neighbours along k at once (bfloat16), b, and a if `kByRow`, come in
// pairs: what is said of k then goes for k / 2, each entry is two numbers, and of an odd depth the
// last pair ends with a zero. All distances count numbers.
template <class T, class Out = T>
struct Product {
  Index rows, columns, depth, outer;
  const T* a;
  Index a_stride, a_outer;
  const T* b;
  Index b_stride, b_outer;
  const Computed<T>* init;
  Index init_stride;
  Out* c;
  Index c_stride;
  Ahead* ahead;  // fetched from between blocks; may be null
  // As many products of the same size, each this far behind the one before it.
  Index items = 1, a_item = 0, b_item = 0, init_item = 0, c_item = 0;
};

// One block of kRows rows by kVectors vectors, at the pointers given; the last vector is masked.
template <class T, class Out, bool kByRow, int kRows, int kVectors>
void product_block(const Product<T, Out>& p, const T* a, const T* b, const Computed<T>* init,
                   Out* c, typename Simd<Computed<T>>::Mask mask) {
  using S = Simd<Computed<T>>;
  using Operand = Simd<T>;
  constexpr Index kPaired = Operand::kPaired;
  typename S::Vector sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[i][v] = S::zero();
  }
  if (init != nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Computed<T>* row = init + i * p.init_stride;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors - 1; ++v) sum[i][v] = S::load(row + v * S::kLanes);
      sum[i][kVectors - 1] = S::load(row + (kVectors - 1) * S::kLanes, mask);
    }
  }
  const Index a_stride = p.a_stride, b_stride = p.b_stride;
  const Index rounds = kByRow ? (p.depth + kPaired - 1) / kPaired : p.depth / kPaired;
  for (Index o = 0; o < p.outer; ++o) {
    const T* ak = a + o * p.a_outer;
    const T* bk = b + o * p.b_outer;
    // Three rows share one pointer, so that all pointers and offsets fit in general registers.
    const T* base[(kRows + 2) / 3];
    for (int i = 0; i < kRows; i += 3) base[i / 3] = ak + i * a_stride;
    for (Index k = 0; k < rounds; ++k) {
      typename Operand::Vector row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors - 1; ++v) row[v] = Operand::load(bk + v * S::kLanes * kPaired);
      row[kVectors - 1] = Operand::load(bk + (kVectors - 1) * S::kLanes * kPaired, mask);
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        const auto x = Operand::spread(
            kByRow ? ak + i * kPaired : base[i / 3] + k * kPaired + (i % 3) * a_stride);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[i][v] = Operand::fma(x, row[v], sum[i][v]);
      }
      if (kByRow) ak += a_stride;
      bk += b_stride;
    }
    if constexpr (kPaired > 1 && !kByRow) {
      if (rounds * kPaired == p.depth) continue;
      typename Operand::Vector row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        row[v] = Operand::load(bk + v * S::kLanes * kPaired, v + 1 == kVectors ? mask : S::first(S::kLanes));
      }
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {  // what lies behind the last number is another row's
        const typename Operand::Vector x = Operand::spread_single(
            base[i / 3] + rounds * kPaired + (i % 3) * a_stride);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[i][v] = Operand::fma(x, row[v], sum[i][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    Out* row = c + i * p.c_stride;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors - 1; ++v) S::store(row + v * S::kLanes, sum[i][v]);
    S::store(row + (kVectors - 1) * S::kLanes, sum[i][kVectors - 1], mask);
  }
}

template <class T, class Out>
using BlockFunction = void (*)(const Product<T, Out>&, const T*, const T*, const Computed<T>*, Out*,
                               typename Simd<Computed<T>>::Mask);

template <class T, class Out, bool kByRow, int kVectors, int... kRows>
BlockFunction<T, Out> pick_rows(int rows, std::integer_sequence<int, kRows...>) {
  static constexpr BlockFunction<T, Out> table[] = {
      product_block<T, Out, kByRow, kRows + 1, kVectors>...};
  return table[rows - 1];
}

template <class T, class Out, bool kByRow, int kVectors>
BlockFunction<T, Out> pick_block(int rows) {
  return pick_rows<T, Out, kByRow, kVectors>(
      rows, std::make_integer_sequence<int, kMostRows[kVectors]>());
}

// One panel of kVectors vectors: all rows, in blocks of nearly equal height.
template <class T, class Out, bool kByRow, int kVectors>
class Panel {
 public:
  explicit Panel(Index rows) {
    constexpr Index most = kMostRows[kVectors];
    blocks_ = static_cast<unsigned>((rows + most - 1) / most);
    low_ = static_cast<unsigned>(rows) / blocks_;
    taller_ = static_cast<unsigned>(rows) % blocks_;
    flat_ = pick_block<T, Out, kByRow, kVectors>(static_cast<int>(low_));
    tall_ = taller_ != 0 ? pick_block<T, Out, kByRow, kVectors>(static_cast<int>(low_ + 1)) : flat_;
  }

  void run(const Product<T, Out>& p, const T* a, const T* b, const Computed<T>* init, Out* c,
           typename Simd<Computed<T>>::Mask mask) const {
    for (unsigned block = 0; block < blocks_; ++block) {
      const bool is_tall = block < taller_;
      if (p.ahead != nullptr) p.ahead->fetch();
      (is_tall ? tall_ : flat_)(p, a, b, init, c, mask);
      const Index height = is_tall ? low_ + 1 : low_;
      a += height * (kByRow ? Simd<T>::kPaired : p.a_stride);
      if (init != nullptr) init += height * p.init_stride;
      c += height * p.c_stride;
    }
  }

 private:
  unsigned blocks_, low_, taller_;
  BlockFunction<T, Out> flat_, tall_;
};

// How many blocks a product of this size is cut into, roughly.
template <class T>
Index count_blocks(Index rows, Index columns) {
  const Index vectors = (columns + Simd<T>::kLanes - 1) / Simd<T>::kLanes;
  return (vectors + 1) / 2 * ((rows + kMostRows[2] - 1) / kMostRows[2]);
}

template <class T, bool kByRow, class Out = T>
void product(const Product<T, Out>& p) {
  using S = Simd<Computed<T>>;
  if (p.rows == 0 || p.columns == 0) return;
  const Index vectors = (p.columns + S::kLanes - 1) / S::kLanes;
  const typename S::Mask full = S::first(S::kLanes);
  const typename S::Mask last = S::first(p.columns - (vectors - 1) * S::kLanes);
  if (vectors == 1) {
    const Panel<T, Out, kByRow, 1> one(p.rows);
    for (Index n = 0; n < p.items; ++n) {
      one.run(p, p.a + n * p.a_item, p.b + n * p.b_item,
              p.init == nullptr ? nullptr : p.init + n * p.init_item, p.c + n * p.c_item, last);
    }
    return;
  }
  const Panel<T, Out, kByRow, 2> two(p.rows);
  const Panel<T, Out, kByRow, 3> three(p.rows);
  for (Index n = 0; n < p.items; ++n) {
    const T *a = p.a + n * p.a_item, *b = p.b + n * p.b_item;
    const Computed<T>* init = p.init == nullptr ? nullptr : p.init + n * p.init_item;
    Out* c = p.c + n * p.c_item;
    for (Index left = vectors; left > 0;) {
      const int take = left % 2 == 1 ? 3 : 2;
      const typename S::Mask mask = take == left ? last : full;
      if (take == 3) {
        three.run(p, a, b, init, c, mask);
      } else {
        two.run(p, a, b, init, c, mask);
      }
      b += take * S::kLanes * Simd<T>::kPaired;
      if (init != nullptr) init += take * S::kLanes;
      c += take * S::kLanes;
      left -= take;
    }
  }
}

}  // namespace
}  // namespace qimlp
