// Derivatives of the operators. The node keeps the input and the factors, and of an ordinary call on
// the CPU what `kron_layer_kept` gives; the backward pass is an operator of its own, so that it can
// be traced, and differentiated again.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <tuple>

#include "../operators.h"
#include "compiled_autograd.h"
#include "differentiable.h"
#include "gradients.h"
#include "node.h"

namespace qimlp {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

using SavedList = c10::SmallVector<SavedVariable, 4>;

SavedList save(at::TensorList tensors) {
  SavedList saved;
  for (const at::Tensor& tensor : tensors) saved.emplace_back(tensor, false);
  return saved;
}

// Edges and gradients are in the order x, factors, bias.
struct KronLinearBackward : public torch::autograd::Node {
  SavedVariable x;
  SavedList factors;
  SavedList bias;  // parts that learn, or where GELU follows; the gradient needs nothing else of it
  SavedVariable slope, state;
  Call call;

  std::string name() const override { return "KronLinearBackward"; }

  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    x.reset_data();
    for (SavedVariable& factor : factors) factor.reset_data();
    for (SavedVariable& vector : bias) vector.reset_data();
    slope.reset_data();
    state.reset_data();
  }

  variable_list apply(variable_list&& grads) override {
    std::lock_guard<std::mutex> lock(mutex_);
    const Needs needs = needed();
    const bool any = std::find(needs.begin(), needs.end(), true) != needs.end();
    if (!grads[0].defined() || !any) return variable_list(needs.size());
    return gradients(grads[0], call, unpack(), needs);
  }

#ifdef QIMLP_COMPILED_AUTOGRAD
  void compiled_args(torch::dynamo::autograd::CompiledNodeArgs& args) const override {
    args.collect(x, false);
    args.collect(c10::ArrayRef<SavedVariable>(factors), false);
    args.collect(c10::ArrayRef<SavedVariable>(bias), false);
    args.collect(slope, false);
    args.collect(state, false);
    args.collect(call.has_gelu);
    args.collect(call.keeps);
    args.collect(c10::ArrayRef<int64_t>(call.groups));
    args.collect(static_cast<int64_t>(call.biases));
  }

  variable_list apply_with_saved(const variable_list& grads,
                                 torch::dynamo::autograd::SwapSavedVariables& swap) override {
    each_saved([&](auto& saved) { swap.before(saved); });
    variable_list results = trace_gradients(grads, call, unpack(), needed(), next_edges(),
                                            swap.get_py_compiler());
    each_saved([&](auto& saved) { swap.after(saved); });
    return results;
  }
#endif

 private:
  Needs needed() {
    Needs needs(1 + factors.size() + call.biases);
    for (std::size_t i = 0; i < needs.size(); ++i) needs[i] = task_should_compute_output(i);
    return needs;
  }

  template <class Visit>
  void each_saved(const Visit& visit) {
    visit(x);
    visit(factors);
    visit(bias);
    visit(slope);
    visit(state);
  }

  Unpacked unpack() {
    return {x.unpack(), slope.unpack(), state.unpack(), unpack(factors), unpack(bias)};
  }

  static Tensors unpack(SavedList& saved) {
    Tensors tensors;
    for (SavedVariable& variable : saved) tensors.push_back(variable.unpack());
    return tensors;
  }
};

bool are_ordinary(at::TensorList tensors) {
  return std::all_of(tensors.begin(), tensors.end(), is_ordinary);
}

bool has_forward_gradient(const at::Tensor& x, at::TensorList factors, at::TensorList bias) {
  return torch::autograd::isFwGradDefined(x) || any_forward_gradient(factors) ||
         any_forward_gradient(bias);
}

bool is_recorded(const at::Tensor& x, at::TensorList factors, at::TensorList bias) {
  return at::GradMode::is_enabled() &&
         (x.requires_grad() || any_requires_grad(factors) || any_requires_grad(bias));
}

// A call that nothing looks into: then what its way back can use may be kept.
bool can_keep(const at::Tensor& x, at::TensorList factors, at::TensorList bias) {
  return !c10::impl::dispatch_mode_enabled() && is_ordinary(x) && are_ordinary(factors) &&
         are_ordinary(bias);
}

// The shape and kind of a tensor, without its values.
at::Tensor outline(const at::Tensor& x) { return at::empty({1, 1}, x.options()).expand(x.sizes()); }

NodePointer<KronLinearBackward> node_of(const at::Tensor& x, at::TensorList factors,
                                        at::TensorList bias, at::IntArrayRef groups, bool gelu,
                                        bool keeps_values = true) {
  auto node = make_node<KronLinearBackward>();
  node->set_next_edges(torch::autograd::collect_next_edges(x, factors, bias));
  node->x = SavedVariable(keeps_values ? x : outline(x), false);
  node->factors = save(factors);
  if (gelu || (bias.size() > 1 && any_requires_grad(bias))) node->bias = save(bias);
  node->call.groups.assign(groups.begin(), groups.end());
  node->call.factors = factors.size();
  node->call.biases = bias.size();
  node->call.has_gelu = gelu;
  return node;
}

// An ordinary call that is recorded.
at::Tensor record_kept(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                       at::IntArrayRef groups, bool gelu) {
  // A frozen layer's way back reads no input: a model that is only partly trained need not hold it.
  const bool learns = any_requires_grad(factors);
  const auto node = node_of(x, factors, bias, groups, gelu, learns || gelu);
  at::Tensor y, slope, state;
  {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    std::tie(y, slope, state) = call_kron_layer_kept(x, factors, bias, groups, gelu, learns);
  }
  node->slope = SavedVariable(slope, false);
  node->state = SavedVariable(state, false);
  node->call.keeps = true;
  torch::autograd::set_history(y, node);
  return y;
}

// Both forward operators without GELU: `compute` is the one below autograd.
template <class Compute>
at::Tensor record(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                  at::IntArrayRef groups, const Compute& compute) {
  if (has_forward_gradient(x, factors, bias)) {
    return differentiable_layer(x, factors, bias, groups);
  }
  const bool recorded = is_recorded(x, factors, bias);
  if (recorded && can_keep(x, factors, bias)) return record_kept(x, factors, bias, groups, false);
  NodePointer<KronLinearBackward> node;
  if (recorded) node = node_of(x, factors, bias, groups, false);
  at::Tensor y;
  {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    y = compute();
  }
  if (node) torch::autograd::set_history(y, node);
  return y;
}

at::Tensor forward_autograd(const at::Tensor& x, at::TensorList factors,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef groups) {
  return record(x, factors, as_list(bias), groups,
                [&] { return call_kron_linear(x, factors, bias, groups); });
}

at::Tensor layer_autograd(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                          at::IntArrayRef groups) {
  return record(x, factors, bias, groups,
                [&] { return call_kron_layer(x, factors, bias, groups); });
}

// In two parts where something may look into it, in one where nothing does.
at::Tensor gelu_autograd(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                         at::IntArrayRef groups) {
  const bool recorded = is_recorded(x, factors, bias);
  if (recorded && can_keep(x, factors, bias) && !has_forward_gradient(x, factors, bias)) {
    return record_kept(x, factors, bias, groups, true);
  }
  if (recorded || has_forward_gradient(x, factors, bias)) {
    return at::gelu(call_kron_layer(x, factors, bias, groups));
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return call_kron_layer_gelu(x, factors, bias, groups);
}

std::vector<at::Tensor> backward_autograd(const at::Tensor& grad, const at::Tensor& x,
                                          at::TensorList factors, at::IntArrayRef groups,
                                          bool needs_x, bool needs_factors, bool needs_bias) {
  const bool differentiated =
      (at::GradMode::is_enabled() &&
       (grad.requires_grad() || x.requires_grad() || any_requires_grad(factors))) ||
      torch::autograd::isFwGradDefined(grad) || torch::autograd::isFwGradDefined(x) ||
      any_forward_gradient(factors);
  if (differentiated) {
    return differentiable_backward(grad, x, factors, groups, needs_x, needs_factors, needs_bias);
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return call_kron_linear_backward(grad, x, factors, groups, needs_x, needs_factors, needs_bias);
}

std::vector<at::Tensor> layer_backward_autograd(const at::Tensor& grad, const at::Tensor& slope,
                                                const at::Tensor& state, const at::Tensor& x,
                                                at::TensorList factors, at::IntArrayRef groups,
                                                bool needs_x, bool needs_factors,
                                                bool needs_bias) {
  const std::array<at::Tensor, 3> given{grad, slope, x};
  const bool differentiated =
      (at::GradMode::is_enabled() && (any_requires_grad(given) || any_requires_grad(factors))) ||
      any_forward_gradient(given) || any_forward_gradient(factors);
  if (differentiated) {
    return differentiable_layer_backward(grad, slope, state, x, factors, groups, needs_x,
                                         needs_factors, needs_bias);
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return call_kron_layer_backward(grad, slope, state, x, factors, groups, needs_x, needs_factors,
                                  needs_bias);
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_IMPL(qimlp, Autograd, m) {
  m.impl("kron_linear", qimlp::forward_autograd);
  m.impl("kron_layer", qimlp::layer_autograd);
  m.impl("kron_layer_gelu", qimlp::gelu_autograd);
  m.impl("kron_layer_kept", torch::autograd::autogradNotImplementedFallback());
  m.impl("kron_linear_backward", qimlp::backward_autograd);
  m.impl("kron_layer_backward", qimlp::layer_backward_autograd);
}

// torch.func.vmap, and the older one behind `is_grads_batched`.
TORCH_LIBRARY_IMPL(qimlp, FuncTorchBatched, m) {
  m.impl("kron_linear", qimlp::differentiable_forward);
  m.impl("kron_layer", qimlp::differentiable_layer);
  m.impl("kron_layer_gelu", qimlp::differentiable_gelu);
  m.impl("kron_linear_backward", qimlp::differentiable_backward);
  m.impl("kron_layer_backward", qimlp::differentiable_layer_backward);
}

TORCH_LIBRARY_IMPL(qimlp, Batched, m) {
  m.impl("kron_linear", qimlp::differentiable_forward);
  m.impl("kron_layer", qimlp::differentiable_layer);
  m.impl("kron_layer_gelu", qimlp::differentiable_gelu);
  m.impl("kron_linear_backward", qimlp::differentiable_backward);
  m.impl("kron_layer_backward", qimlp::differentiable_layer_backward);
}
