// A layer's tensors, checked, as the core takes them.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>

#include "../core/compute.h"

namespace qimlp {

// Torch's name for the type of a kept state, of rows of a type.
template <class T>
at::ScalarType type_of(const KeptState& state, at::ScalarType rows) {
  return state.as_rows ? rows : c10::CppTypeToScalarType<Computed<T>>::value;
}

inline void check_like(const char* name, const at::Tensor& tensor, const at::Tensor& x) {
  TORCH_CHECK_TYPE(tensor.scalar_type() == x.scalar_type(), "qimlp::kron_linear: expected ", name,
                   " of dtype ", x.scalar_type(), " as x has, got ", tensor.scalar_type());
  TORCH_CHECK_TYPE(tensor.device() == x.device(), "qimlp::kron_linear: expected ", name,
                   " on device ", x.device(), " as x has, got ", tensor.device());
}

// The layer that the factors make, checked against x. `kept` holds contiguous copies where needed.
template <class T>
Layer<T> make_layer(const at::Tensor& x, at::TensorList factors, at::IntArrayRef groups,
                    c10::SmallVectorImpl<at::Tensor>* kept) {
  TORCH_CHECK_VALUE(!factors.empty(), "qimlp::kron_linear: expected at least one factor, got none");
  Layer<T> layer;
  layer.factors.reserve(factors.size());
  Index in_features = 1;
  for (const at::Tensor& factor : factors) {
    check_like("factors", factor, x);
    TORCH_CHECK_VALUE(factor.dim() == 3 && factor.size(0) == factors[0].size(0),
                      "qimlp::kron_linear: expected factors (rank, out_i, in_i) of one rank, got ",
                      factor.sizes());
    TORCH_CHECK_VALUE(factor.numel() > 0,
                      "qimlp::kron_linear: expected factors without empty axes, got ",
                      factor.sizes());
    kept->push_back(factor.contiguous());
    layer.factors.push_back(
        {static_cast<const T*>(kept->back().const_data_ptr()), factor.size(1), factor.size(2)});
    in_features *= factor.size(2);
  }
  layer.copies = factors[0].size(0);
  TORCH_CHECK_VALUE(x.dim() == 2 && x.size(1) == in_features,
                    "qimlp::kron_linear: expected x of shape (batch, ", in_features, "), got ",
                    x.sizes());
  std::size_t grouped = 0;
  layer.groups.reserve(groups.size());
  for (const int64_t size : groups) {
    TORCH_CHECK_VALUE(size >= 1, "qimlp::kron_linear: expected groups of at least 1 factor, got ",
                      groups);
    layer.groups.push_back(static_cast<int>(size));
    grouped += static_cast<std::size_t>(size);
  }
  TORCH_CHECK_VALUE(grouped == factors.size() && groups.size() <= kMaxFactors,
                    "qimlp::kron_linear: expected at most ", kMaxFactors, " groups that sum to ",
                    factors.size(), " factors, got ", groups);
  return layer;
}

}  // namespace qimlp
