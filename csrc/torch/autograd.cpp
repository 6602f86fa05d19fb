// Derivatives of the operators. The node keeps the input and the factors only; the backward pass
// is an operator of its own, so that it can be traced, and differentiated again.
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <mutex>

#include "differentiable.h"
#include "node.h"
#include "operators.h"

namespace qimlp {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

// Edges and gradients are in the order x, factors, bias.
struct KronLinearBackward : public torch::autograd::Node {
  SavedVariable x;
  std::vector<SavedVariable> factors;
  std::vector<int64_t> groups;
  bool has_bias = false;

  std::string name() const override { return "KronLinearBackward"; }

  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    x.reset_data();
    for (SavedVariable& factor : factors) factor.reset_data();
  }

  variable_list apply(variable_list&& grads) override {
    std::lock_guard<std::mutex> lock(mutex_);
    const std::size_t count = factors.size();
    variable_list results(count + (has_bias ? 2 : 1));
    if (!grads[0].defined()) return results;
    const at::Tensor saved_x = x.unpack();
    std::vector<at::Tensor> saved_factors;
    saved_factors.reserve(count);
    bool needs_factors = false;
    for (std::size_t i = 0; i < count; ++i) {
      saved_factors.push_back(factors[i].unpack());
      needs_factors = needs_factors || task_should_compute_output(i + 1);
    }
    const bool needs_x = task_should_compute_output(0);
    const bool needs_bias = has_bias && task_should_compute_output(count + 1);
    if (!needs_x && !needs_factors && !needs_bias) return results;
    std::vector<at::Tensor> computed = call_kron_linear_backward(
        grads[0], saved_x, saved_factors, groups, needs_x, needs_factors, needs_bias);
    auto next = computed.begin();
    if (needs_x) results[0] = std::move(*next++);
    for (std::size_t i = 0; i < count && needs_factors; ++i) results[i + 1] = std::move(*next++);
    if (needs_bias) results[count + 1] = std::move(*next);
    return results;
  }
};

at::Tensor forward_autograd(const at::Tensor& x, at::TensorList factors,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef groups) {
  const bool has_bias = bias.has_value() && bias->defined();
  if (torch::autograd::isFwGradDefined(x) || any_forward_gradient(factors) ||
      (has_bias && torch::autograd::isFwGradDefined(*bias))) {
    return differentiable_forward(x, factors, bias, groups);
  }
  const bool needs_grad =
      at::GradMode::is_enabled() &&
      (x.requires_grad() || any_requires_grad(factors) || (has_bias && bias->requires_grad()));
  NodePointer<KronLinearBackward> node;
  if (needs_grad) {
    node = make_node<KronLinearBackward>();
    node->set_next_edges(has_bias ? torch::autograd::collect_next_edges(x, factors, *bias)
                                  : torch::autograd::collect_next_edges(x, factors));
    node->x = SavedVariable(x, false);
    node->factors.reserve(factors.size());
    for (const at::Tensor& factor : factors) node->factors.emplace_back(factor, false);
    node->groups = groups.vec();
    node->has_bias = has_bias;
  }
  at::Tensor y;
  {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    y = call_kron_linear(x, factors, bias, groups);
  }
  if (needs_grad) torch::autograd::set_history(y, node);
  return y;
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

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_IMPL(qimlp, Autograd, m) {
  m.impl("kron_linear", qimlp::forward_autograd);
  m.impl("kron_linear_backward", qimlp::backward_autograd);
}

// torch.func.vmap, and the older one behind `is_grads_batched`.
TORCH_LIBRARY_IMPL(qimlp, FuncTorchBatched, m) {
  m.impl("kron_linear", qimlp::differentiable_forward);
  m.impl("kron_linear_backward", qimlp::differentiable_backward);
}

TORCH_LIBRARY_IMPL(qimlp, Batched, m) {
  m.impl("kron_linear", qimlp::differentiable_forward);
  m.impl("kron_linear_backward", qimlp::differentiable_backward);
}
