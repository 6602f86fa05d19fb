// The operator qimlp::member_head: dense layers of one shape, of all members in one call.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "../../core/tables/tables.h"
#include "../large_pages.h"
#include "../setting.h"
#include "parts.h"
#include "shared.h"

namespace qimlp {
namespace {

using torch::autograd::variable_list;

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  TORCH_CHECK_VALUE(x.dim() == 3 && weight.dim() == 3 && bias.dim() == 2 &&
                        x.size(0) == weight.size(0) && x.size(2) == weight.size(1) &&
                        bias.size(0) == weight.size(0) && bias.size(1) == weight.size(2) &&
                        weight.numel() > 0,
                    "qimlp::member_head: expected x (m, n, i), weight (m, i, o) and bias (m, o), got ",
                    x.sizes(), ", ", weight.sizes(), " and ", bias.sizes());
}

template <class T>
MemberHead<T> call_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return {x.size(0), x.size(1), x.size(2), weight.size(2), read<T>(x), read<T>(weight),
          read<T>(bias)};
}

template <class T>
void compute_backward(const at::Tensor& grad, const variable_list& given,
                      const variable_list& results) {
  compute_head_backward(call_of<T>(given[0], given[1], given[2]), read<T>(grad),
                        {write<T>(results[0]), write<T>(results[1]), write<T>(results[2])},
                        current_setting());
}

}  // namespace

at::Tensor apply_head(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check(x, weight, bias);
  const at::Tensor rows = x.contiguous(), factors = weight.contiguous(), added = bias.contiguous();
  const at::Tensor y = empty_rows({x.size(0), x.size(1), weight.size(2)}, x.options());
  if (x.scalar_type() == at::kFloat) {
    compute_head(call_of<float>(rows, factors, added), write<float>(y), current_setting());
  } else {
    compute_head(call_of<double>(rows, factors, added), write<double>(y), current_setting());
  }
  return y;
}

variable_list head_backward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& grad, bool needs_x) {
  const variable_list plain{x.contiguous(), weight.contiguous(), bias.contiguous()};
  variable_list results(3);
  if (needs_x) results[0] = empty_rows(x.sizes(), x.options());
  results[1] = empty_as(plain[1]);
  results[2] = empty_as(plain[2]);
  const at::Tensor rows = grad.contiguous();
  if (rows.scalar_type() == at::kFloat) {
    compute_backward<float>(rows, plain, results);
  } else {
    compute_backward<double>(rows, plain, results);
  }
  return results;
}

// Torch's own operations: derivatives of any order, other devices and types, graphs.
at::Tensor defined_head(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::baddbmm(bias.unsqueeze(1), x, weight);
}

namespace {

struct HeadFunction : public torch::autograd::Function<HeadFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({x, weight, bias});
    return apply_head(x, weight, bias);
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    if (!grads[0].defined()) return variable_list(3);
    if (at::GradMode::is_enabled()) {
      return gradients_of(defined_head(saved[0], saved[1], saved[2]), grads[0], saved);
    }
    return head_backward(saved[0], saved[1], saved[2], grads[0], context->needs_input_grad(0));
  }
};

// Autograd and CPU in one: the operator does not go through the dispatcher twice.
at::Tensor head(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!goes_to_core({x, weight, bias})) return defined_head(x, weight, bias);
  if (at::GradMode::is_enabled() &&
      (x.requires_grad() || weight.requires_grad() || bias.requires_grad())) {
    return HeadFunction::apply(x, weight, bias);
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return apply_head(x, weight, bias);
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_FRAGMENT(qimlp, m) {
  m.def("member_head(Tensor x, Tensor weight, Tensor bias) -> Tensor");
}

TORCH_LIBRARY_IMPL(qimlp, CPU, m) { m.impl("member_head", qimlp::head); }

TORCH_LIBRARY_IMPL(qimlp, AutogradCPU, m) { m.impl("member_head", qimlp::head); }

TORCH_LIBRARY_IMPL(qimlp, CompositeImplicitAutograd, m) {
  m.impl("member_head", qimlp::defined_head);
}
