// Rows from one type to another, a vector at a time.
#pragma once

#include "../layer.h"

namespace qimlp {
namespace {

template <class From, class To>
void convert_rows(Index count, const From* from, To* to) {
  using S = Simd<Computed<From>>;
  for (Index i = 0; i < count; i += S::kLanes) {
    const typename S::Mask mask = S::first(count - i < S::kLanes ? count - i : S::kLanes);
    S::store(to + i, S::load(from + i, mask), mask);
  }
}

}  // namespace
}  // namespace qimlp
