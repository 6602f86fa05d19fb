// The factors that the engine sees: those given, or products of neighbours.
#pragma once

#include <memory>
#include <vector>

#include "compute.h"
#include "convert.h"
#include "plan.h"

namespace qimlp {
namespace {

// The plan of a call: from the factors' sizes alone, nothing is multiplied out.
template <class S>
Plan plan_of(const Layer<S>& layer, Index batch, Lanes lanes) {
  const int count = static_cast<int>(layer.groups.size());
  Index in_dims[kMaxFactors], out_dims[kMaxFactors];
  const Factor<S>* next = layer.factors.data();
  for (int g = 0; g < count; ++g) {
    in_dims[g] = out_dims[g] = 1;
    for (int i = 0; i < layer.groups[static_cast<std::size_t>(g)]; ++i, ++next) {
      in_dims[g] *= next->n_in;
      out_dims[g] *= next->n_out;
    }
  }
  // A single factor left is the whole weight, its copies added up.
  return make_plan(count, count == 1 ? 1 : layer.copies, in_dims, out_dims, batch, lanes);
}

// Whether a group of that many factors is multiplied out, or its copies are added up.
template <class S>
bool is_merged(const Layer<S>& layer, int size) {
  return size > 1 || (layer.groups.size() == 1 && layer.copies > 1);
}

// The values of those factors.
template <class T>
class UsedFactors {
 public:
  explicit UsedFactors(const Layer<T>& layer) {
    const int count = static_cast<int>(layer.groups.size());
    const bool add_copies = count == 1;
    copies = add_copies ? 1 : layer.copies;
    merges_.resize(static_cast<std::size_t>(count));
    const Factor<T>* next = layer.factors.data();
    for (int g = 0; g < count; ++g) {
      const int size = layer.groups[static_cast<std::size_t>(g)];
      if (!is_merged(layer, size)) {
        values[g] = next->values;
      } else {
        auto& merge = merges_[static_cast<std::size_t>(g)];
        merge = std::make_unique<Merge<T>>(next, size, layer.copies, add_copies);
        values[g] = merge->values();
      }
      next += size;
    }
  }

  const T* values[kMaxFactors];
  Index copies;

  const Merge<T>* merge(int group) const { return merges_[static_cast<std::size_t>(group)].get(); }

 private:
  std::vector<std::unique_ptr<Merge<T>>> merges_;
};

}  // namespace
}  // namespace qimlp
