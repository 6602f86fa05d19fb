// The operator qimlp::kron_bias_backward: gradients of the short vectors whose Kronecker product is a
// layer's bias. Torch's own operations for it cost several times as much as the layer's call.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <memory>

#include "autograd/node.h"
#include "operators.h"
#include "vectors.h"

namespace qimlp {

std::vector<at::Tensor> call_kron_bias_backward(const at::Tensor& grad, at::TensorList vectors) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("qimlp::kron_bias_backward", "")
                             .typed<decltype(call_kron_bias_backward)>();
  return op.call(grad, vectors);
}

namespace {

// In torch's own operations: derivatives of any order, forward mode, vmap and other devices.
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

template <class T>
std::vector<at::Tensor> backward_of(const at::Tensor& grad, at::TensorList vectors) {
  Index width = 1;
  for (const at::Tensor& vector : vectors) {
    TORCH_CHECK_VALUE(vector.dim() == 1 && vector.size(0) > 0,
                      "qimlp::kron_bias_backward: expected vectors, got a tensor of shape ",
                      vector.sizes());
    TORCH_CHECK_TYPE(vector.scalar_type() == grad.scalar_type(),
                     "qimlp::kron_bias_backward: expected vectors of dtype ", grad.scalar_type(),
                     " as grad has, got ", vector.scalar_type());
    width *= vector.size(0);
  }
  TORCH_CHECK_VALUE(grad.dim() == 1 && grad.size(0) == width,
                    "qimlp::kron_bias_backward: expected grad of shape (", width, "), got ",
                    grad.sizes());
  const at::Tensor whole = grad.contiguous();
  std::vector<at::Tensor> results;
  results.reserve(vectors.size());
  c10::SmallVector<T*, 4> pointers;
  for (const at::Tensor& vector : vectors) {
    results.push_back(at::empty(vector.sizes(), vector.options()));
    pointers.push_back(results.back().mutable_data_ptr<T>());
  }
  const std::unique_ptr<T[]> work(new T[static_cast<std::size_t>(2 * width / vectors[0].size(0))]);
  kron_vectors_backward(Vectors<T>(vectors).given(), whole.const_data_ptr<T>(), pointers.data(),
                        work.get());
  return results;
}

std::vector<at::Tensor> backward_cpu(const at::Tensor& grad, at::TensorList vectors) {
  TORCH_CHECK_VALUE(!vectors.empty(),
                    "qimlp::kron_bias_backward: expected at least one vector, got none");
  if (grad.scalar_type() == at::kFloat) return backward_of<float>(grad, vectors);
  if (grad.scalar_type() == at::kDouble) return backward_of<double>(grad, vectors);
  return differentiable_backward(grad, vectors);
}

std::vector<at::Tensor> backward_autograd(const at::Tensor& grad, at::TensorList vectors) {
  const bool differentiated =
      (at::GradMode::is_enabled() && (grad.requires_grad() || any_requires_grad(vectors))) ||
      torch::autograd::isFwGradDefined(grad) || any_forward_gradient(vectors);
  if (differentiated) return differentiable_backward(grad, vectors);
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return call_kron_bias_backward(grad, vectors);
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
  m.def("kron_bias_backward(Tensor grad, Tensor[] vectors) -> Tensor[]");
}

TORCH_LIBRARY_IMPL(qimlp, CPU, m) { m.impl("kron_bias_backward", qimlp::backward_cpu); }

TORCH_LIBRARY_IMPL(qimlp, Meta, m) { m.impl("kron_bias_backward", qimlp::backward_meta); }

TORCH_LIBRARY_IMPL(qimlp, CompositeExplicitAutograd, m) { m.impl("kron_bias_backward", qimlp::differentiable_backward); }

TORCH_LIBRARY_IMPL(qimlp, Autograd, m) { m.impl("kron_bias_backward", qimlp::backward_autograd); }

TORCH_LIBRARY_IMPL(qimlp, FuncTorchBatched, m) { m.impl("kron_bias_backward", qimlp::differentiable_backward); }

TORCH_LIBRARY_IMPL(qimlp, Batched, m) { m.impl("kron_bias_backward", qimlp::differentiable_backward); }
