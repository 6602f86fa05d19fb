// Matrix product whose sums stay in registers; the only place where numbers are multiplied forward.
//
// Included once by the translation unit of each instruction set, after that set's simd_*.h.
#pragma once

#include <utility>

#include "ahead.h"
#include "layer.h"

namespace qimlp {
namespace {

// c[i, j] = init[i, j] + sum_o sum_k a_o[i, k] * b_o[k, j], with i < rows, j < columns, k < depth,
// o < outer. Columns of b, c and init are contiguous. `a` is contiguous along k with `a_stride`
// from row to row, or, if `kByRow`, contiguous along i with `a_stride` from k to k. `init` may be
// null (zeros) and may be c.
template <class T>
struct Product {
  Index rows, columns, depth, outer;
  const T* a;
  Index a_stride, a_outer;
  const T* b;
  Index b_stride, b_outer;
  const T* init;
  Index init_stride;
  T* c;
  Index c_stride;
  Ahead* ahead;  // fetched from between blocks; may be null
  // As many products of the same size, each this far behind the one before it.
  Index items = 1, a_item = 0, b_item = 0, init_item = 0, c_item = 0;
};

// One block of kRows rows by kVectors vectors, at the pointers given; the last vector is masked.
template <class T, bool kByRow, int kRows, int kVectors>
void product_block(const Product<T>& p, const T* a, const T* b, const T* init, T* c,
                   typename Simd<T>::Mask mask) {
  using S = Simd<T>;
  typename S::Vector sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[i][v] = S::zero();
  }
  if (init != nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const T* row = init + i * p.init_stride;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors - 1; ++v) sum[i][v] = S::load(row + v * S::kLanes);
      sum[i][kVectors - 1] = S::load(row + (kVectors - 1) * S::kLanes, mask);
    }
  }
  const Index a_stride = p.a_stride, b_stride = p.b_stride, depth = p.depth;
  for (Index o = 0; o < p.outer; ++o) {
    const T* ak = a + o * p.a_outer;
    const T* bk = b + o * p.b_outer;
    // Three rows share one pointer, so that all pointers and offsets fit in general registers.
    const T* base[(kRows + 2) / 3];
    for (int i = 0; i < kRows; i += 3) base[i / 3] = ak + i * a_stride;
    for (Index k = 0; k < depth; ++k) {
      typename S::Vector row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors - 1; ++v) row[v] = S::load(bk + v * S::kLanes);
      row[kVectors - 1] = S::load(bk + (kVectors - 1) * S::kLanes, mask);
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        const typename S::Vector x = S::all(kByRow ? ak[i] : base[i / 3][k + (i % 3) * a_stride]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[i][v] = S::fma(x, row[v], sum[i][v]);
      }
      if (kByRow) ak += a_stride;
      bk += b_stride;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    T* row = c + i * p.c_stride;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors - 1; ++v) S::store(row + v * S::kLanes, sum[i][v]);
    S::store(row + (kVectors - 1) * S::kLanes, sum[i][kVectors - 1], mask);
  }
}

template <class T>
using BlockFunction = void (*)(const Product<T>&, const T*, const T*, const T*, T*,
                               typename Simd<T>::Mask);

template <class T, bool kByRow, int kVectors, int... kRows>
BlockFunction<T> pick_rows(int rows, std::integer_sequence<int, kRows...>) {
  static constexpr BlockFunction<T> table[] = {product_block<T, kByRow, kRows + 1, kVectors>...};
  return table[rows - 1];
}

template <class T, bool kByRow, int kVectors>
BlockFunction<T> pick_block(int rows) {
  return pick_rows<T, kByRow, kVectors>(rows,
                                        std::make_integer_sequence<int, kMostRows[kVectors]>());
}

// One panel of kVectors vectors: all rows, in blocks of nearly equal height.
template <class T, bool kByRow, int kVectors>
class Panel {
 public:
  explicit Panel(Index rows) {
    constexpr Index most = kMostRows[kVectors];
    blocks_ = static_cast<unsigned>((rows + most - 1) / most);
    low_ = static_cast<unsigned>(rows) / blocks_;
    taller_ = static_cast<unsigned>(rows) % blocks_;
    flat_ = pick_block<T, kByRow, kVectors>(static_cast<int>(low_));
    tall_ = taller_ != 0 ? pick_block<T, kByRow, kVectors>(static_cast<int>(low_ + 1)) : flat_;
  }

  void run(const Product<T>& p, const T* a, const T* b, const T* init, T* c,
           typename Simd<T>::Mask mask) const {
    for (unsigned block = 0; block < blocks_; ++block) {
      const bool is_tall = block < taller_;
      if (p.ahead != nullptr) p.ahead->fetch();
      (is_tall ? tall_ : flat_)(p, a, b, init, c, mask);
      const Index height = is_tall ? low_ + 1 : low_;
      a += kByRow ? height : height * p.a_stride;
      if (init != nullptr) init += height * p.init_stride;
      c += height * p.c_stride;
    }
  }

 private:
  unsigned blocks_, low_, taller_;
  BlockFunction<T> flat_, tall_;
};

// How many blocks a product of this size is cut into, roughly.
template <class T>
Index count_blocks(Index rows, Index columns) {
  const Index vectors = (columns + Simd<T>::kLanes - 1) / Simd<T>::kLanes;
  return (vectors + 1) / 2 * ((rows + kMostRows[2] - 1) / kMostRows[2]);
}

template <class T, bool kByRow>
void product(const Product<T>& p) {
  using S = Simd<T>;
  if (p.rows == 0 || p.columns == 0) return;
  const Index vectors = (p.columns + S::kLanes - 1) / S::kLanes;
  const typename S::Mask full = S::first(S::kLanes);
  const typename S::Mask last = S::first(p.columns - (vectors - 1) * S::kLanes);
  if (vectors == 1) {
    const Panel<T, kByRow, 1> one(p.rows);
    for (Index n = 0; n < p.items; ++n) {
      one.run(p, p.a + n * p.a_item, p.b + n * p.b_item,
              p.init == nullptr ? nullptr : p.init + n * p.init_item, p.c + n * p.c_item, last);
    }
    return;
  }
  const Panel<T, kByRow, 2> two(p.rows);
  const Panel<T, kByRow, 3> three(p.rows);
  for (Index n = 0; n < p.items; ++n) {
    const T *a = p.a + n * p.a_item, *b = p.b + n * p.b_item;
    const T* init = p.init == nullptr ? nullptr : p.init + n * p.init_item;
    T* c = p.c + n * p.c_item;
    for (Index left = vectors; left > 0;) {
      const int take = left % 2 == 1 ? 3 : 2;
      const typename S::Mask mask = take == left ? last : full;
      if (take == 3) {
        three.run(p, a, b, init, c, mask);
      } else {
        two.run(p, a, b, init, c, mask);
      }
      b += take * S::kLanes;
      if (init != nullptr) init += take * S::kLanes;
      c += take * S::kLanes;
      left -= take;
    }
  }
}

}  // namespace
}  // namespace qimlp
