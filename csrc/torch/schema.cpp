// Names and signatures of the operators, and what they return when nothing is computed.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "operators.h"

namespace qimlp {

at::Tensor call_kron_linear(const at::Tensor& x, at::TensorList factors,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef groups) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_linear", "")
                             .typed<decltype(call_kron_linear)>();
  return op.call(x, factors, bias, groups);
}

at::Tensor call_kron_layer(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                           at::IntArrayRef groups) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_layer", "")
                             .typed<decltype(call_kron_layer)>();
  return op.call(x, factors, bias, groups);
}

std::vector<at::Tensor> call_kron_linear_backward(const at::Tensor& grad, const at::Tensor& x,
                                                  at::TensorList factors, at::IntArrayRef groups,
                                                  bool needs_x, bool needs_factors,
                                                  bool needs_bias) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_linear_backward", "")
                             .typed<decltype(call_kron_linear_backward)>();
  return op.call(grad, x, factors, groups, needs_x, needs_factors, needs_bias);
}

namespace {

at::Tensor forward_meta(const at::Tensor& x, at::TensorList factors,
                        const std::optional<at::Tensor>& /*bias*/, at::IntArrayRef /*groups*/) {
  c10::SymInt out_features = 1;
  for (const at::Tensor& factor : factors) out_features = out_features * factor.sym_size(1);
  return at::empty_symint({x.sym_size(0), out_features}, x.options());
}

at::Tensor layer_meta(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                      at::IntArrayRef groups) {
  for (const at::TensorList tensors : {factors, bias}) {
    for (const at::Tensor& tensor : tensors) {
      TORCH_CHECK_TYPE(tensor.device() == x.device(), "qimlp::kron_layer: expected all on device ",
                       x.device(), " as x is, got ", tensor.device());
    }
  }
  return forward_meta(x, factors, std::nullopt, groups);
}

std::vector<at::Tensor> backward_meta(const at::Tensor& grad, const at::Tensor& x,
                                      at::TensorList factors, at::IntArrayRef /*groups*/,
                                      bool needs_x, bool needs_factors, bool needs_bias) {
  std::vector<at::Tensor> results;
  if (needs_x) results.push_back(at::empty_symint(x.sym_sizes(), x.options()));
  if (needs_factors) {
    for (const at::Tensor& factor : factors) {
      results.push_back(at::empty_symint(factor.sym_sizes(), factor.options()));
    }
  }
  if (needs_bias) results.push_back(at::empty_symint({grad.sym_size(1)}, grad.options()));
  return results;
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_FRAGMENT(qimlp, m) {
  m.def("kron_linear(Tensor x, Tensor[] factors, Tensor? bias, int[] groups) -> Tensor");
  m.def("kron_layer(Tensor x, Tensor[] factors, Tensor[] bias, int[] groups) -> Tensor");
  m.def(
      "kron_linear_backward(Tensor grad, Tensor x, Tensor[] factors, int[] groups, bool needs_x, "
      "bool needs_factors, bool needs_bias) -> Tensor[]");
  m.def("kernel_instructions() -> str");
  m.def("kernel_debug(str instructions, bool poison) -> ()");
}

TORCH_LIBRARY_IMPL(qimlp, Meta, m) {
  m.impl("kron_linear", qimlp::forward_meta);
  m.impl("kron_layer", qimlp::layer_meta);
  m.impl("kron_linear_backward", qimlp::backward_meta);
}
