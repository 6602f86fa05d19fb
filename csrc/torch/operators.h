// The operators qimlp::kron_linear and qimlp::kron_linear_backward, as C++ calls them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

namespace qimlp {

// y = x W^T + bias with W = sum_c kron(factors[0][c], ...); x (batch, in), bias (out).
// `groups`: how many neighbouring factors are multiplied out into each factor used.
at::Tensor call_kron_linear(const at::Tensor& x, at::TensorList factors,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef groups);

// Of the gradients of x, of all factors and of the bias those asked for, in this order.
std::vector<at::Tensor> call_kron_linear_backward(const at::Tensor& grad, const at::Tensor& x,
                                                  at::TensorList factors, at::IntArrayRef groups,
                                                  bool needs_x, bool needs_factors,
                                                  bool needs_bias);

}  // namespace qimlp
