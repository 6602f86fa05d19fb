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
  SavedList vectors;  // of a Kronecker bias; the gradient of a whole one needs nothing saved
  c10::SmallVector<int64_t, 4> groups;
  std::size_t biases = 0;

  std::string name() const override { return "KronLinearBackward"; }

  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    x.reset_data();
    for (SavedVariable& factor : factors) factor.reset_data();
    for (SavedVariable& vector : vectors) vector.reset_data();
  }

  variable_list apply(variable_list&& grads) override {
    std::lock_guard<std::mutex> lock(mutex_);
    const std::size_t count = factors.size();
    variable_list results(1 + count + biases);
    if (!grads[0].defined()) return results;
    const bool needs_x = task_should_compute_output(0);
    const bool needs_factors = any_wanted(1, count), needs_bias = any_wanted(1 + count, biases);
    if (!needs_x && !needs_factors && !needs_bias) return results;
    const at::Tensor saved_x = x.unpack();
    std::vector<at::Tensor> computed = call_kron_linear_backward(
        grads[0], saved_x, unpack(factors), groups, needs_x, needs_factors, needs_bias);
    auto next = computed.begin();
    if (needs_x) results[0] = std::move(*next++);
    for (std::size_t i = 0; i < count && needs_factors; ++i) results[i + 1] = std::move(*next++);
    if (needs_bias && vectors.empty()) {
      results[1 + count] = std::move(*next);
    } else if (needs_bias) {
      computed = call_kron_bias_backward(*next, unpack(vectors));
      std::move(computed.begin(), computed.end(), results.begin() + 1 + count);
    }
    return results;
  }

 private:
  bool any_wanted(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      if (task_should_compute_output(i)) return true;
    }
    return false;
  }

  static c10::SmallVector<at::Tensor, 4> unpack(SavedList& saved) {
    c10::SmallVector<at::Tensor, 4> tensors;
    for (SavedVariable& variable : saved) tensors.push_back(variable.unpack());
    return tensors;
  }
};

// Both forward operators: `compute` is the one below autograd.
template <class Compute>
at::Tensor record(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                  at::IntArrayRef groups, const Compute& compute) {
  if (torch::autograd::isFwGradDefined(x) || any_forward_gradient(factors) ||
      any_forward_gradient(bias)) {
    return differentiable_layer(x, factors, bias, groups);
  }
  NodePointer<KronLinearBackward> node;
  if (at::GradMode::is_enabled() &&
      (x.requires_grad() || any_requires_grad(factors) || any_requires_grad(bias))) {
    node = make_node<KronLinearBackward>();
    node->set_next_edges(torch::autograd::collect_next_edges(x, factors, bias));
    node->x = SavedVariable(x, false);
    node->factors = save(factors);
    if (bias.size() > 1) node->vectors = save(bias);
    node->groups.assign(groups.begin(), groups.end());
    node->biases = bias.size();
  }
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
  m.impl("kron_layer", qimlp::layer_autograd);
  m.impl("kron_linear_backward", qimlp::backward_autograd);
}

// torch.func.vmap, and the older one behind `is_grads_batched`.
TORCH_LIBRARY_IMPL(qimlp, FuncTorchBatched, m) {
  m.impl("kron_linear", qimlp::differentiable_forward);
  m.impl("kron_layer", qimlp::differentiable_layer);
  m.impl("kron_linear_backward", qimlp::differentiable_backward);
}

TORCH_LIBRARY_IMPL(qimlp, Batched, m) {
  m.impl("kron_linear", qimlp::differentiable_forward);
  m.impl("kron_layer", qimlp::differentiable_layer);
  m.impl("kron_linear_backward", qimlp::differentiable_backward);
}
