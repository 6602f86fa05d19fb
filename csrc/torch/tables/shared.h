// What the operators of a network for tables share.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <vector>

#include "../autograd/node.h"

namespace qimlp {

// Names for what may be missing: an undefined tensor.
inline at::Tensor or_undefined(const std::optional<at::Tensor>& tensor) {
  return tensor.has_value() ? *tensor : at::Tensor();
}

inline at::Tensor contiguous(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.contiguous() : tensor;
}

template <class T>
const T* read(const at::Tensor& tensor) {
  return tensor.defined() && tensor.numel() > 0 ? tensor.const_data_ptr<T>() : nullptr;
}

template <class T>
T* write(const at::Tensor& tensor) {
  return tensor.defined() && tensor.numel() > 0 ? tensor.mutable_data_ptr<T>() : nullptr;
}

inline at::Tensor empty_as(const at::Tensor& tensor) {
  return tensor.defined() ? at::empty(tensor.sizes(), tensor.options()) : at::Tensor();
}

// Whether the core can compute with these, and nothing looks into the call. Undefined ones may be
// among them; what tangents and transforms carry is left to torch's own operations.
inline bool goes_to_core(std::initializer_list<at::Tensor> tensors) {
  if (c10::impl::dispatch_mode_enabled()) return false;
  std::optional<at::ScalarType> type;
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    if (!is_ordinary(tensor) || torch::autograd::isFwGradDefined(tensor)) return false;
    if (!type) type = tensor.scalar_type();
    if (tensor.scalar_type() != *type) return false;
  }
  return type == at::kFloat || type == at::kDouble;
}

// Gradients that can be differentiated again, of a result that was computed anew from the inputs.
inline torch::autograd::variable_list gradients_of(const at::Tensor& result, const at::Tensor& grad,
                                                   const std::vector<at::Tensor>& inputs) {
  torch::autograd::variable_list wanted;
  for (const at::Tensor& input : inputs) {
    if (input.defined() && input.requires_grad()) wanted.push_back(input);
  }
  const auto found = torch::autograd::grad({result}, wanted, {grad}, true, true, true);
  torch::autograd::variable_list all;
  std::size_t next = 0;
  for (const at::Tensor& input : inputs) {
    all.push_back(input.defined() && input.requires_grad() ? found[next++] : at::Tensor());
  }
  return all;
}

}  // namespace qimlp
