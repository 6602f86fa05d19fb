// Names and signatures of the operators, and what they return when nothing is computed.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "checked.h"
#include "operators.h"
#include "setting.h"

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

at::Tensor call_kron_layer_gelu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                                at::IntArrayRef groups) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_layer_gelu", "")
                             .typed<decltype(call_kron_layer_gelu)>();
  return op.call(x, factors, bias, groups);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> call_kron_layer_kept(
    const at::Tensor& x, at::TensorList factors, at::TensorList bias, at::IntArrayRef groups,
    bool gelu, bool keep_state) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_layer_kept", "")
                             .typed<decltype(call_kron_layer_kept)>();
  return op.call(x, factors, bias, groups, gelu, keep_state);
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

std::vector<at::Tensor> call_kron_layer_backward(const at::Tensor& grad, const at::Tensor& slope,
                                                 const at::Tensor& state, const at::Tensor& x,
                                                 at::TensorList factors, at::IntArrayRef groups,
                                                 bool needs_x, bool needs_factors,
                                                 bool needs_bias) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_layer_backward", "")
                             .typed<decltype(call_kron_layer_backward)>();
  return op.call(grad, slope, state, x, factors, groups, needs_x, needs_factors, needs_bias);
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

// Only sizes matter to the state, and only these are known here: a graph is then for one batch.
template <class T>
at::Tensor state_meta(const at::Tensor& x, at::TensorList factors, at::IntArrayRef groups) {
  const auto known = [](const c10::SymInt& size) { return size.guard_int(__FILE__, __LINE__); };
  Layer<T> layer{{}, known(factors[0].sym_size(0)), {groups.begin(), groups.end()}};
  for (const at::Tensor& factor : factors) {
    layer.factors.push_back({nullptr, known(factor.sym_size(1)), known(factor.sym_size(2))});
  }
  const KeptState state = kept_state(layer, known(x.sym_size(0)), current_setting());
  const at::ScalarType type = state.size > 0 ? type_of<T>(state, x.scalar_type()) : x.scalar_type();
  return at::empty({state.size}, x.options().dtype(type));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> kept_meta(const at::Tensor& x,
                                                         at::TensorList factors,
                                                         at::TensorList bias,
                                                         at::IntArrayRef groups, bool gelu,
                                                         bool keep_state) {
  const at::Tensor y = layer_meta(x, factors, bias, groups);
  const at::Tensor slope = gelu ? at::empty_symint(y.sym_sizes(), y.options())
                                : at::empty({0}, y.options());
  if (!keep_state) return {y, slope, at::empty({0}, y.options())};
  if (x.scalar_type() == at::kDouble) return {y, slope, state_meta<double>(x, factors, groups)};
  if (x.scalar_type() == at::kFloat) return {y, slope, state_meta<float>(x, factors, groups)};
  return {y, slope, state_meta<BFloat16>(x, factors, groups)};
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

std::vector<at::Tensor> layer_backward_meta(const at::Tensor& grad, const at::Tensor& /*slope*/,
                                            const at::Tensor& /*state*/, const at::Tensor& x,
                                            at::TensorList factors, at::IntArrayRef groups,
                                            bool needs_x, bool needs_factors, bool needs_bias) {
  return backward_meta(grad, x, factors, groups, needs_x, needs_factors, needs_bias);
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_FRAGMENT(qimlp, m) {
  m.def("kron_linear(Tensor x, Tensor[] factors, Tensor? bias, int[] groups) -> Tensor");
  m.def("kron_layer(Tensor x, Tensor[] factors, Tensor[] bias, int[] groups) -> Tensor");
  m.def("kron_layer_gelu(Tensor x, Tensor[] factors, Tensor[] bias, int[] groups) -> Tensor");
  m.def(
      "kron_layer_kept(Tensor x, Tensor[] factors, Tensor[] bias, int[] groups, bool gelu, "
      "bool keep_state) -> (Tensor, Tensor, Tensor)");
  m.def(
      "kron_layer_backward(Tensor grad, Tensor slope, Tensor state, Tensor x, Tensor[] factors, "
      "int[] groups, bool needs_x, bool needs_factors, bool needs_bias) -> Tensor[]");
  m.def(
      "kron_linear_backward(Tensor grad, Tensor x, Tensor[] factors, int[] groups, bool needs_x, "
      "bool needs_factors, bool needs_bias) -> Tensor[]");
  m.def("kernel_instructions() -> str");
  m.def("kernel_debug(str instructions, bool poison) -> ()");
}

TORCH_LIBRARY_IMPL(qimlp, Meta, m) {
  m.impl("kron_linear", qimlp::forward_meta);
  m.impl("kron_layer", qimlp::layer_meta);
  m.impl("kron_layer_gelu", qimlp::layer_meta);
  m.impl("kron_layer_kept", qimlp::kept_meta);
  m.impl("kron_linear_backward", qimlp::backward_meta);
  m.impl("kron_layer_backward", qimlp::layer_backward_meta);
}
