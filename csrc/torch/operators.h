// The operators qimlp::kron_linear and qimlp::kron_linear_backward, as C++ calls them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>
#include <vector>

namespace qimlp {

// y = x W^T + bias with W = sum_c kron(factors[0][c], ...); x (batch, in), bias (out).
// `groups`: how many neighbouring factors are multiplied out into each factor used.
at::Tensor call_kron_linear(const at::Tensor& x, at::TensorList factors,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef groups);

// The same with a bias in parts: none, one vector (out), or one (out_i) for each factor, whose
// Kronecker product is the bias. One dispatch and one node do what two operators would.
at::Tensor call_kron_layer(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                           at::IntArrayRef groups);

// The exact GELU of `kron_layer`, in one pass.
at::Tensor call_kron_layer_gelu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                                at::IntArrayRef groups);

// `kron_layer`, or `kron_layer_gelu`, with what its way back can use: the result, GELU's slope (empty
// without `gelu`), and with `keep_state` what lies between two factors (empty where nothing is kept).
std::tuple<at::Tensor, at::Tensor, at::Tensor> call_kron_layer_kept(
    const at::Tensor& x, at::TensorList factors, at::TensorList bias, at::IntArrayRef groups,
    bool gelu, bool keep_state);

// Of the gradients of x, of all factors and of the bias those asked for, in this order.
std::vector<at::Tensor> call_kron_linear_backward(const at::Tensor& grad, const at::Tensor& x,
                                                  at::TensorList factors, at::IntArrayRef groups,
                                                  bool needs_x, bool needs_factors,
                                                  bool needs_bias);

// The same with what `kron_layer_kept` kept. The state says nothing that x and the factors do not say.
std::vector<at::Tensor> call_kron_layer_backward(const at::Tensor& grad, const at::Tensor& slope,
                                                 const at::Tensor& state, const at::Tensor& x,
                                                 at::TensorList factors, at::IntArrayRef groups,
                                                 bool needs_x, bool needs_factors, bool needs_bias);

// Gradients of vectors from that of their Kronecker product.
std::vector<at::Tensor> call_kron_bias_backward(const at::Tensor& grad, at::TensorList vectors);

// An optional bias as a list of none or one.
inline at::TensorList as_list(const std::optional<at::Tensor>& bias) {
  return bias.has_value() && bias->defined() ? at::TensorList(*bias) : at::TensorList();
}

}  // namespace qimlp
