// Multiplies neighbouring factors out, and takes the product's gradient apart again.
#pragma once

#include <vector>

#include "layer.h"

namespace qimlp {

// One factor: `values` of shape (copies, n_out, n_in).
template <class T>
struct Factor {
  const T* values;
  Index n_out, n_in;
};

// The Kronecker product of `count` neighbouring factors, copy by copy: (copies, n_out, n_in), or,
// if `add_copies`, their sum (1, n_out, n_in).
template <class T>
class Merge {
 public:
  Merge(const Factor<T>* factors, int count, Index copies, bool add_copies);

  const T* values() const { return products_.back().data(); }
  Index n_out() const { return n_out_.back(); }
  Index n_in() const { return n_in_.back(); }

  // Gradients of the factors, (copies, n_out, n_in) each, from that of `values()`.
  void backward(const T* grad, T* const* grad_factors) const;

 private:
  std::vector<Factor<T>> factors_;
  Index copies_;
  bool add_copies_;
  // After 1, 2, ... factors; the first is empty unless it is also the last.
  std::vector<std::vector<T>> products_;
  std::vector<Index> n_out_, n_in_;

  const T* product(std::size_t i) const {
    return i == 0 ? factors_[0].values : products_[i].data();
  }
};

}  // namespace qimlp
