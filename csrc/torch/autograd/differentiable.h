// The operators written in torch's own differentiable operations: derivatives of any order, forward
// mode and vmap go through these.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

namespace qimlp {

at::Tensor differentiable_forward(const at::Tensor& x, at::TensorList factors,
                                  const std::optional<at::Tensor>& bias, at::IntArrayRef groups);

std::vector<at::Tensor> differentiable_backward(const at::Tensor& grad, const at::Tensor& x,
                                                at::TensorList factors, at::IntArrayRef groups,
                                                bool needs_x, bool needs_factors, bool needs_bias);

// `differentiable_forward` with a bias in parts, as `call_kron_layer` takes it.
at::Tensor differentiable_layer(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                                at::IntArrayRef groups);

// `call_kron_layer_gelu`.
at::Tensor differentiable_gelu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                               at::IntArrayRef groups);

// `call_kron_layer_backward`: of x, the factors and the slope; what the state says is computed anew.
std::vector<at::Tensor> differentiable_layer_backward(
    const at::Tensor& grad, const at::Tensor& slope, const at::Tensor& state, const at::Tensor& x,
    at::TensorList factors, at::IntArrayRef groups, bool needs_x, bool needs_factors,
    bool needs_bias);

}  // namespace qimlp
