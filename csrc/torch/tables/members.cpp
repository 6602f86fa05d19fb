// The operator qimlp::member_layer: Kronecker layers of one shape, of all members in one call.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <torch/library.h>

#include <cmath>

#include "../../core/tables/dropout.h"
#include "../../core/tables/tables.h"
#include "../large_pages.h"
#include "../setting.h"
#include "parts.h"
#include "shared.h"

namespace qimlp {

using torch::autograd::variable_list;

std::uint32_t MemberTensors::kept_of_65536() const {
  const auto kept = static_cast<std::uint32_t>(std::lround((1 - dropout) * 65536));
  return kept < 1 ? 1 : kept;
}

namespace {

void check(const MemberTensors& given) {
  const at::Tensor &x = given.x, &left = given.left, &right = given.right;
  TORCH_CHECK_VALUE(x.dim() == 4 && left.dim() == 4 && right.dim() == 4 && x.size(0) > 0 &&
                        left.size(0) % x.size(0) == 0 && left.size(0) == right.size(0) &&
                        left.size(2) == x.size(2) && right.size(1) == x.size(3) &&
                        left.size(3) == right.size(2) && left.numel() > 0 && right.numel() > 0,
                    "qimlp::member_layer: expected x (g, n, a, b), left (m, a', a, r) and right "
                    "(m, b, r, b'), got ", x.sizes(), ", ", left.sizes(), " and ", right.sizes());
  TORCH_CHECK_VALUE(!given.bias.defined() ||
                        given.bias.sizes() ==
                            at::IntArrayRef({left.size(0), left.size(1), right.size(3)}),
                    "qimlp::member_layer: expected bias (m, a', b'), got ", given.bias.sizes());
  TORCH_CHECK_VALUE(!given.residual || (x.size(0) == left.size(0) && x.size(2) == left.size(1) &&
                                        x.size(3) == right.size(3)),
                    "qimlp::member_layer: expected a residual layer to keep the shape, got ",
                    x.sizes(), ", ", left.sizes(), " and ", right.sizes());
  TORCH_CHECK_VALUE(given.dropout >= 0 && given.dropout < 1 && (given.gelu || given.dropout == 0),
                    "qimlp::member_layer: expected dropout in [0, 1), and none without GELU, got ",
                    given.dropout);
}

template <class T>
MemberLayer<T> call_of(const MemberTensors& given) {
  MemberLayer<T> call{};
  call.groups = given.x.size(0);
  call.members = given.left.size(0) / call.groups;
  call.samples = given.x.size(1);
  call.in_a = given.x.size(2);
  call.in_b = given.x.size(3);
  call.out_a = given.left.size(1);
  call.out_b = given.right.size(3);
  call.rank = given.left.size(3);
  call.gelu = given.gelu;
  call.residual = given.residual;
  call.kept_of_65536 = given.kept_of_65536();
  call.seed = static_cast<std::uint64_t>(given.seed);
  call.x = read<T>(given.x);
  call.left = read<T>(given.left);
  call.right = read<T>(given.right);
  call.bias = read<T>(given.bias);
  return call;
}

MemberTensors all_contiguous(MemberTensors given) {
  given.x = given.x.contiguous();
  given.left = given.left.contiguous();
  given.right = given.right.contiguous();
  given.bias = contiguous(given.bias);
  return given;
}

template <class T>
MemberResults compute_as(const MemberTensors& plain, bool keep) {
  const MemberLayer<T> call = call_of<T>(plain);
  const at::TensorOptions options = plain.x.options();
  const int64_t members = plain.left.size(0);
  MemberResults results;
  results.y = empty_rows({members, call.samples, call.out_a, call.out_b}, options);
  if (keep) {
    results.state = empty_rows({call.groups, call.samples, call.state_rows(), call.in_b}, options);
    if (call.gelu) results.slope = empty_rows(results.y.sizes(), options);
  }
  compute_members<T>(call, write<T>(results.y), {write<T>(results.slope), write<T>(results.state)},
                     current_setting());
  return results;
}

template <class T>
void compute_backward(const MemberTensors& plain, const at::Tensor& grad, const at::Tensor& slope,
                      const at::Tensor& state, const variable_list& results) {
  compute_members_backward<T>(
      call_of<T>(plain), read<T>(grad), {read<T>(slope), read<T>(state)},
      {write<T>(results[0]), write<T>(results[1]), write<T>(results[2]), write<T>(results[3])},
      current_setting());
}

// What dropout multiplies by, as the core draws it.
at::Tensor mask_of(const MemberTensors& given, at::IntArrayRef sizes) {
  const at::Tensor mask = at::ones(sizes, at::kDouble);
  const std::uint32_t kept = given.kept_of_65536();
  const Index width = sizes[2] * sizes[3];
  for (Index row = 0; row < sizes[0] * sizes[1]; ++row) {
    drop_row(static_cast<std::uint64_t>(given.seed), row, width, kept, 65536.0 / kept,
             mask.mutable_data_ptr<double>() + row * width, static_cast<double*>(nullptr));
  }
  return mask.to(given.x.options());
}

}  // namespace

MemberResults apply_members(const MemberTensors& given, bool keep) {
  check(given);
  const MemberTensors plain = all_contiguous(given);
  return given.x.scalar_type() == at::kFloat ? compute_as<float>(plain, keep)
                                             : compute_as<double>(plain, keep);
}

variable_list members_backward(const MemberTensors& given, const at::Tensor& grad,
                               const at::Tensor& slope, const at::Tensor& state, bool needs_x) {
  const MemberTensors plain = all_contiguous(given);
  variable_list results(4);
  if (needs_x) results[0] = empty_rows(plain.x.sizes(), plain.x.options());
  results[1] = empty_as(plain.left);
  results[2] = empty_as(plain.right);
  results[3] = empty_as(plain.bias);
  const at::Tensor rows = grad.contiguous();
  if (rows.scalar_type() == at::kFloat) {
    compute_backward<float>(plain, rows, slope, state, results);
  } else {
    compute_backward<double>(plain, rows, slope, state, results);
  }
  return results;
}

// Torch's own operations: derivatives of any order, other devices and types, graphs.
at::Tensor defined_layer(const MemberTensors& given) {
  const at::Tensor &x = given.x, &left = given.left, &right = given.right;
  const at::SymInt members = left.sym_size(0), groups = x.sym_size(0);
  const at::SymInt per_group = members / groups, rank = left.sym_size(3);
  const at::Tensor rows = x.unsqueeze(1)
                              .expand_symint({groups, per_group, x.sym_size(1), x.sym_size(2),
                                              x.sym_size(3)})
                              .reshape_symint({members, x.sym_size(1) * x.sym_size(2), x.sym_size(3)});
  const at::Tensor mixed = at::matmul(rows, right.flatten(2))
                               .reshape_symint({members, x.sym_size(1), x.sym_size(2) * rank,
                                                right.sym_size(3)});
  at::Tensor y = at::matmul(left.flatten(2).unsqueeze(1), mixed);
  if (given.bias.defined()) y = y.add(given.bias.unsqueeze(1));
  if (given.gelu) y = at::gelu(y);
  if (given.dropout > 0) y = y.mul(mask_of(given, y.sizes()));
  return given.residual ? x.add(y) : y;
}

namespace {

struct MemberFunction : public torch::autograd::Function<MemberFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& left, const at::Tensor& right,
                            const std::optional<at::Tensor>& bias, bool gelu, bool residual,
                            double dropout, int64_t seed) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const MemberTensors given{x, left, right, or_undefined(bias), gelu, residual, dropout, seed};
    const MemberResults results = apply_members(given, true);
    context->save_for_backward({x, left, right, given.bias, results.slope, results.state});
    context->saved_data["gelu"] = gelu;
    context->saved_data["residual"] = residual;
    context->saved_data["dropout"] = dropout;
    context->saved_data["seed"] = seed;
    return results.y;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    auto& data = context->saved_data;
    const MemberTensors given{saved[0],
                              saved[1],
                              saved[2],
                              saved[3],
                              data["gelu"].toBool(),
                              data["residual"].toBool(),
                              data["dropout"].toDouble(),
                              data["seed"].toInt()};
    variable_list results(8);
    if (!grads[0].defined()) return results;
    if (at::GradMode::is_enabled()) {
      results = gradients_of(defined_layer(given), grads[0], {saved[0], saved[1], saved[2], saved[3]});
      results.resize(8);
      return results;
    }
    results = members_backward(given, grads[0], saved[4], saved[5], context->needs_input_grad(0));
    results.resize(8);
    return results;
  }
};

at::Tensor layer_composite(const at::Tensor& x, const at::Tensor& left, const at::Tensor& right,
                           const std::optional<at::Tensor>& bias, bool gelu, bool residual,
                           double dropout, int64_t seed) {
  return defined_layer({x, left, right, or_undefined(bias), gelu, residual, dropout, seed});
}

// Autograd and CPU in one: the operator does not go through the dispatcher twice.
at::Tensor layer(const at::Tensor& x, const at::Tensor& left, const at::Tensor& right,
                 const std::optional<at::Tensor>& bias, bool gelu, bool residual, double dropout,
                 int64_t seed) {
  const MemberTensors given{x, left, right, or_undefined(bias), gelu, residual, dropout, seed};
  if (!goes_to_core({x, left, right, given.bias})) return defined_layer(given);
  const bool learns = x.requires_grad() || left.requires_grad() || right.requires_grad() ||
                      (given.bias.defined() && given.bias.requires_grad());
  if (at::GradMode::is_enabled() && learns) {
    return MemberFunction::apply(x, left, right, bias, gelu, residual, dropout, seed);
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return apply_members(given, false).y;
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_FRAGMENT(qimlp, m) {
  m.def(
      "member_layer(Tensor x, Tensor left, Tensor right, Tensor? bias, bool gelu, bool residual, "
      "float dropout, int seed) -> Tensor");
}

TORCH_LIBRARY_IMPL(qimlp, CPU, m) { m.impl("member_layer", qimlp::layer); }

TORCH_LIBRARY_IMPL(qimlp, AutogradCPU, m) { m.impl("member_layer", qimlp::layer); }

TORCH_LIBRARY_IMPL(qimlp, CompositeImplicitAutograd, m) {
  m.impl("member_layer", qimlp::layer_composite);
}
