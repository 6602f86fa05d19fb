#include "gradients.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu_backward.h>

#include <algorithm>

#include "../operators.h"
#include "differentiable.h"

namespace qimlp {

using torch::autograd::variable_list;

variable_list gradients(const at::Tensor& grad, const Call& call, const Unpacked& saved,
                        const Needs& needs) {
  const std::size_t count = call.factors;
  variable_list results(1 + count + call.biases);
  const bool* const end_of_factors = needs.begin() + 1 + count;
  const bool needs_x = needs[0];
  const bool needs_factors = std::find(needs.begin() + 1, end_of_factors, true) != end_of_factors;
  const bool needs_bias = std::find(end_of_factors, needs.end(), true) != needs.end();
  std::vector<at::Tensor> computed;
  if (call.keeps && !at::GradMode::is_enabled()) {
    computed = call_kron_layer_backward(grad, saved.slope, saved.state, saved.x, saved.factors,
                                        call.groups, needs_x, needs_factors, needs_bias);
  } else {
    // To be differentiated again, what was kept does not do: it was computed below autograd.
    const at::Tensor before_gelu =
        call.has_gelu
            ? at::gelu_backward(
                  grad, differentiable_layer(saved.x, saved.factors, saved.bias, call.groups))
            : grad;
    computed = call_kron_linear_backward(before_gelu, saved.x, saved.factors, call.groups, needs_x,
                                         needs_factors, needs_bias);
  }
  auto next = computed.begin();
  if (needs_x) results[0] = std::move(*next++);
  for (std::size_t i = 0; i < count && needs_factors; ++i) results[i + 1] = std::move(*next++);
  if (needs_bias && call.biases == 1) {
    results[1 + count] = std::move(*next);
  } else if (needs_bias) {
    computed = call_kron_bias_backward(*next, saved.bias);
    std::move(computed.begin(), computed.end(),
              results.begin() + static_cast<std::ptrdiff_t>(1 + count));
  }
  return results;
}

}  // namespace qimlp
