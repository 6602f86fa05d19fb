// Vectors held by torch, as the core takes them.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>

#include "../core/vectors.h"

namespace qimlp {

template <class T>
class Vectors {
 public:
  explicit Vectors(at::TensorList vectors) {
    for (const at::Tensor& vector : vectors) {
      kept_.push_back(vector.contiguous());
      values_.push_back(kept_.back().template const_data_ptr<T>());
      sizes_.push_back(vector.size(0));
    }
  }

  VectorList<T> given() const {
    return {values_.data(), sizes_.data(), static_cast<int>(sizes_.size())};
  }

 private:
  c10::SmallVector<at::Tensor, 4> kept_;
  c10::SmallVector<const T*, 4> values_;
  c10::SmallVector<Index, 4> sizes_;
};

}  // namespace qimlp
