// The operator qimlp::kron_bias: a vector as the Kronecker product of one short vector per factor,
// with derivatives. Torch's own operations for it cost several times as much as the layer's call.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <mutex>

#include "../core/merge.h"
#include "node.h"

namespace qimlp {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

at::Tensor forward(at::TensorList vectors);
std::vector<at::Tensor> backward(const at::Tensor& grad, at::TensorList vectors);

// ---------------------------------------------------------------- in torch's operations

at::Tensor differentiable_forward(at::TensorList vectors) {
  TORCH_CHECK_VALUE(!vectors.empty(), "qimlp::kron_bias: expected at least one vector, got none");
  at::Tensor product = vectors.size() == 1 ? vectors[0].clone() : vectors[0];
  for (const at::Tensor& vector : vectors.slice(1)) {
    product = (product.unsqueeze(1).mul(vector))
                  .reshape_symint({product.sym_size(0) * vector.sym_size(0)});
  }
  return product;
}

std::vector<at::Tensor> differentiable_backward(const at::Tensor& grad, at::TensorList vectors) {
  std::vector<at::Tensor> results;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    at::Tensor rest = grad.reshape_symint({c10::SymInt(1), grad.sym_size(0)});
    for (std::size_t j = vectors.size(); j-- > i + 1;) {  // contract what comes after
      rest =
          rest.reshape_symint({rest.sym_numel() / vectors[j].sym_size(0), vectors[j].sym_size(0)})
              .matmul(vectors[j]);
    }
    for (std::size_t j = 0; j < i; ++j) {  // and what comes before
      rest = vectors[j].matmul(
          rest.reshape_symint({vectors[j].sym_size(0), rest.sym_numel() / vectors[j].sym_size(0)}));
    }
    results.push_back(rest.reshape_symint(vectors[i].sym_sizes()));
  }
  return results;
}

// ---------------------------------------------------------------- on the CPU

template <class T>
Merge<T> make_merge(at::TensorList vectors, c10::SmallVectorImpl<at::Tensor>* kept) {
  std::vector<Factor<T>> factors;
  for (const at::Tensor& vector : vectors) {
    TORCH_CHECK_VALUE(vector.dim() == 1,
                      "qimlp::kron_bias: expected vectors, got a tensor of shape ", vector.sizes());
    TORCH_CHECK_TYPE(vector.scalar_type() == vectors[0].scalar_type(),
                     "qimlp::kron_bias: expected vectors of one dtype, got ", vector.scalar_type(),
                     " beside ", vectors[0].scalar_type());
    kept->push_back(vector.contiguous());
    factors.push_back({kept->back().template const_data_ptr<T>(), vector.size(0), 1});
  }
  return Merge<T>(factors.data(), static_cast<int>(factors.size()), 1, true);
}

template <class T>
at::Tensor forward_of(at::TensorList vectors) {
  c10::SmallVector<at::Tensor, 4> kept;
  const Merge<T> merge = make_merge<T>(vectors, &kept);
  at::Tensor product = at::empty({merge.n_out()}, vectors[0].options());
  std::copy_n(merge.values(), merge.n_out(), product.mutable_data_ptr<T>());
  return product;
}

template <class T>
std::vector<at::Tensor> backward_of(const at::Tensor& grad, at::TensorList vectors) {
  c10::SmallVector<at::Tensor, 4> kept;
  const Merge<T> merge = make_merge<T>(vectors, &kept);
  TORCH_CHECK_VALUE(grad.dim() == 1 && grad.size(0) == merge.n_out(),
                    "qimlp::kron_bias_backward: expected grad of shape (", merge.n_out(), "), got ",
                    grad.sizes());
  const at::Tensor whole = grad.to(vectors[0].scalar_type()).contiguous();
  std::vector<at::Tensor> results;
  std::vector<T*> pointers;
  for (const at::Tensor& vector : vectors) {
    results.push_back(at::empty(vector.sizes(), vector.options()));
    pointers.push_back(results.back().mutable_data_ptr<T>());
  }
  merge.backward(whole.const_data_ptr<T>(), pointers.data());
  return results;
}

at::Tensor forward_cpu(at::TensorList vectors) {
  if (!vectors.empty() && vectors[0].scalar_type() == at::kFloat) return forward_of<float>(vectors);
  if (!vectors.empty() && vectors[0].scalar_type() == at::kDouble) {
    return forward_of<double>(vectors);
  }
  return differentiable_forward(vectors);
}

std::vector<at::Tensor> backward_cpu(const at::Tensor& grad, at::TensorList vectors) {
  if (vectors[0].scalar_type() == at::kFloat) return backward_of<float>(grad, vectors);
  if (vectors[0].scalar_type() == at::kDouble) return backward_of<double>(grad, vectors);
  return differentiable_backward(grad, vectors);
}

// ---------------------------------------------------------------- derivatives

struct KronBiasBackward : public torch::autograd::Node {
  std::vector<SavedVariable> vectors;

  std::string name() const override { return "KronBiasBackward"; }

  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    for (SavedVariable& vector : vectors) vector.reset_data();
  }

  variable_list apply(variable_list&& grads) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!grads[0].defined()) return variable_list(vectors.size());
    std::vector<at::Tensor> saved;
    for (SavedVariable& vector : vectors) saved.push_back(vector.unpack());
    return backward(grads[0], saved);
  }
};

at::Tensor forward_autograd(at::TensorList vectors) {
  if (any_forward_gradient(vectors)) return differentiable_forward(vectors);
  const bool needs_grad = at::GradMode::is_enabled() && any_requires_grad(vectors);
  NodePointer<KronBiasBackward> node;
  if (needs_grad) {
    node = make_node<KronBiasBackward>();
    node->set_next_edges(torch::autograd::collect_next_edges(vectors));
    for (const at::Tensor& vector : vectors) node->vectors.emplace_back(vector, false);
  }
  at::Tensor product;
  {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    product = forward(vectors);
  }
  if (needs_grad) torch::autograd::set_history(product, node);
  return product;
}

std::vector<at::Tensor> backward_autograd(const at::Tensor& grad, at::TensorList vectors) {
  const bool differentiated =
      (at::GradMode::is_enabled() && (grad.requires_grad() || any_requires_grad(vectors))) ||
      torch::autograd::isFwGradDefined(grad) || any_forward_gradient(vectors);
  if (differentiated) return differentiable_backward(grad, vectors);
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return backward(grad, vectors);
}

at::Tensor forward(at::TensorList vectors) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_bias", "")
                             .typed<at::Tensor(at::TensorList)>();
  return op.call(vectors);
}

std::vector<at::Tensor> backward(const at::Tensor& grad, at::TensorList vectors) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_bias_backward", "")
                             .typed<std::vector<at::Tensor>(const at::Tensor&, at::TensorList)>();
  return op.call(grad, vectors);
}

at::Tensor forward_meta(at::TensorList vectors) {
  c10::SymInt width = 1;
  for (const at::Tensor& vector : vectors) width = width * vector.sym_size(0);
  return at::empty_symint({width}, vectors[0].options());
}

std::vector<at::Tensor> backward_meta(const at::Tensor& /*grad*/, at::TensorList vectors) {
  std::vector<at::Tensor> results;
  for (const at::Tensor& vector : vectors) {
    results.push_back(at::empty_symint(vector.sym_sizes(), vector.options()));
  }
  return results;
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_FRAGMENT(qimlp, m) {
  m.def("kron_bias(Tensor[] vectors) -> Tensor");
  m.def("kron_bias_backward(Tensor grad, Tensor[] vectors) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(qimlp, CPU, m) {
  m.impl("kron_bias", qimlp::forward_cpu);
  m.impl("kron_bias_backward", qimlp::backward_cpu);
}

TORCH_LIBRARY_IMPL(qimlp, Meta, m) {
  m.impl("kron_bias", qimlp::forward_meta);
  m.impl("kron_bias_backward", qimlp::backward_meta);
}

TORCH_LIBRARY_IMPL(qimlp, CompositeExplicitAutograd, m) {
  m.impl("kron_bias", qimlp::differentiable_forward);
  m.impl("kron_bias_backward", qimlp::differentiable_backward);
}

TORCH_LIBRARY_IMPL(qimlp, Autograd, m) {
  m.impl("kron_bias", qimlp::forward_autograd);
  m.impl("kron_bias_backward", qimlp::backward_autograd);
}

TORCH_LIBRARY_IMPL(qimlp, FuncTorchBatched, m) {
  m.impl("kron_bias", qimlp::differentiable_forward);
  m.impl("kron_bias_backward", qimlp::differentiable_backward);
}

TORCH_LIBRARY_IMPL(qimlp, Batched, m) {
  m.impl("kron_bias", qimlp::differentiable_forward);
  m.impl("kron_bias_backward", qimlp::differentiable_backward);
}
