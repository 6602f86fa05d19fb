#include "differentiable.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/gelu.h>

namespace qimlp {
namespace {

// All sizes are symbolic, so that a graph can be traced for any batch. Only views, `bmm` and sums
// are used: every transform of torch knows them.
using Size = c10::SymInt;

Size product_of_sizes(at::TensorList factors, int64_t axis) {
  Size product = 1;
  for (const at::Tensor& factor : factors) product = product * factor.sym_size(axis);
  return product;
}

// Contract every mode of `rows` (batch, prod of the factors' sizes along `contracted`) with its
// factor, copy by copy; the mode `kept` (or -1) stays as it is. The modes go from the last to the
// first, each to the front as it is done. Returns (copies, modes in order, batch), flat per copy.
at::Tensor contract(const at::Tensor& rows, at::TensorList factors, int64_t contracted,
                    int64_t kept) {
  const Size copies = factors[0].sym_size(0);
  Size size = rows.sym_size(0) * rows.sym_size(1);
  at::Tensor state = rows.reshape_symint({Size(1), size}).expand_symint({copies, size});
  for (int64_t mode = static_cast<int64_t>(factors.size()) - 1; mode >= 0; --mode) {
    const at::Tensor& factor = factors[static_cast<std::size_t>(mode)];
    const Size width = factor.sym_size(contracted);
    state = state.reshape_symint({copies, size / width, width});
    if (mode != kept) {
      state = at::bmm(state, contracted == 2 ? factor.transpose(1, 2) : factor);
      size = size / width * state.sym_size(2);
    }
    state = state.transpose(1, 2);
  }
  return state.reshape_symint({copies, size});
}

// Contract all modes and add the copies up: (batch, prod of the factors' other sizes).
at::Tensor apply(const at::Tensor& rows, at::TensorList factors, int64_t contracted) {
  const at::Tensor state = contract(rows, factors, contracted, -1).sum(0);
  return state.reshape_symint({product_of_sizes(factors, 3 - contracted), rows.sym_size(0)}).t();
}

// Gradient of one factor: everything else contracted, then against the output's gradient.
at::Tensor factor_gradient(const at::Tensor& grad, const at::Tensor& x, at::TensorList factors,
                           int64_t wanted) {
  const at::Tensor& factor = factors[static_cast<std::size_t>(wanted)];
  const Size copies = factor.sym_size(0), n_out = factor.sym_size(1), n_in = factor.sym_size(2);
  const Size before = product_of_sizes(factors.slice(0, static_cast<std::size_t>(wanted)), 1);
  const Size after = product_of_sizes(factors.slice(static_cast<std::size_t>(wanted) + 1), 1);
  const Size rest = before * after * x.sym_size(0);
  const at::Tensor in = contract(x, factors, 2, wanted)
                            .reshape_symint({copies, before, n_in, after * x.sym_size(0)})
                            .permute({0, 1, 3, 2})
                            .reshape_symint({copies, rest, n_in});
  const at::Tensor out = grad.t()
                             .reshape_symint({before, n_out, after * x.sym_size(0)})
                             .permute({1, 0, 2})
                             .reshape_symint({Size(1), n_out, rest})
                             .expand_symint({copies, n_out, rest});
  return at::bmm(out, in);
}

}  // namespace

at::Tensor differentiable_forward(const at::Tensor& x, at::TensorList factors,
                                  const std::optional<at::Tensor>& bias,
                                  at::IntArrayRef /*groups*/) {
  const at::Tensor y = apply(x, factors, 2);
  return bias.has_value() && bias->defined() ? y.add(*bias) : y;
}

at::Tensor differentiable_layer(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                                at::IntArrayRef groups) {
  std::optional<at::Tensor> product;
  for (const at::Tensor& vector : bias) {
    product = product ? product->unsqueeze(1).mul(vector).reshape_symint(
                            {product->sym_size(0) * vector.sym_size(0)})
                      : vector;
  }
  return differentiable_forward(x, factors, product, groups);
}

std::vector<at::Tensor> differentiable_backward(const at::Tensor& grad, const at::Tensor& x,
                                                at::TensorList factors, at::IntArrayRef /*groups*/,
                                                bool needs_x, bool needs_factors, bool needs_bias) {
  std::vector<at::Tensor> results;
  if (needs_x) results.push_back(apply(grad, factors, 1));
  for (std::size_t i = 0; i < factors.size() && needs_factors; ++i) {
    results.push_back(factor_gradient(grad, x, factors, static_cast<int64_t>(i)));
  }
  if (needs_bias) results.push_back(grad.sum(0));
  return results;
}

at::Tensor differentiable_gelu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                               at::IntArrayRef groups) {
  return at::gelu(differentiable_layer(x, factors, bias, groups));
}

std::vector<at::Tensor> differentiable_layer_backward(
    const at::Tensor& grad, const at::Tensor& slope, const at::Tensor& /*state*/,
    const at::Tensor& x, at::TensorList factors, at::IntArrayRef groups, bool needs_x,
    bool needs_factors, bool needs_bias) {
  const bool has_slope = slope.sym_numel() != 0;
  return differentiable_backward(has_slope ? grad.mul(slope) : grad, x, factors, groups, needs_x,
                                 needs_factors, needs_bias);
}

}  // namespace qimlp
