// The operators on the CPU: checks, then plain pointers into the core.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/compute.h"
#include "checked.h"
#include "large_pages.h"
#include "operators.h"
#include "setting.h"
#include "vectors.h"

namespace qimlp {
namespace {

// What a forward pass makes; undefined where it is not kept.
struct Forwarded {
  at::Tensor y, slope, state;
};

Index out_features(at::TensorList factors) {
  Index width = 1;
  for (const at::Tensor& factor : factors) width *= factor.size(1);
  return width;
}

// The vector that a bias adds, in the precision of the call: none, one as long as a row, or the
// Kronecker product of one short vector for each factor.
template <class T>
class BiasVector {
 public:
  BiasVector(const at::Tensor& x, at::TensorList factors, at::TensorList bias, Index width) {
    if (bias.empty()) return;
    for (const at::Tensor& vector : bias) check_like("bias", vector, x);
    if (bias.size() == 1) {
      TORCH_CHECK_VALUE(bias[0].dim() == 1 && bias[0].size(0) == width,
                        "qimlp::kron_linear: expected bias of shape (", width, "), got ",
                        bias[0].sizes());
      whole_ = bias[0].contiguous();
      values_ = static_cast<const T*>(whole_.const_data_ptr());
      return;
    }
    TORCH_CHECK_VALUE(bias.size() == factors.size(), "qimlp::kron_layer: expected ", factors.size(),
                      " bias vectors, one for each factor, got ", bias.size());
    for (std::size_t i = 0; i < bias.size(); ++i) {
      TORCH_CHECK_VALUE(bias[i].dim() == 1 && bias[i].size(0) == factors[i].size(1),
                        "qimlp::kron_layer: expected a bias vector of shape (", factors[i].size(1),
                        "), got ", bias[i].sizes());
    }
    if constexpr (std::is_same_v<T, BFloat16>) {  // multiplied in float32, rounded once
      std::vector<at::Tensor> wide;
      for (const at::Tensor& vector : bias) wide.push_back(vector.to(at::kFloat));
      whole_ = at::empty({width}, wide.front().options());
      kron_vectors(Vectors<float>(wide).given(), whole_.mutable_data_ptr<float>());
      whole_ = whole_.to(at::kBFloat16);
      values_ = static_cast<const T*>(whole_.const_data_ptr());
    } else {
      product_.reset(new T[static_cast<std::size_t>(width)]);
      kron_vectors(Vectors<T>(bias).given(), product_.get());
      values_ = product_.get();
    }
  }

  const T* values() const { return values_; }

 private:
  at::Tensor whole_;
  std::unique_ptr<T[]> product_;
  const T* values_ = nullptr;
};

// One of the number types that the kernel computes in, as a template argument of `call`.
template <class Call>
auto by_type(const at::Tensor& x, const Call& call) {
  if (x.scalar_type() == at::kFloat) return call(float());
  if (x.scalar_type() == at::kBFloat16) return call(BFloat16());
  TORCH_CHECK_TYPE(x.scalar_type() == at::kDouble,
                   "qimlp::kron_linear: expected float32, float64 or bfloat16 on the CPU, got ",
                   x.scalar_type());
  return call(double());
}

// A tensor's values, or null where it is not defined or has none.
template <class T>
T* values_of(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.numel() == 0) return nullptr;
  if constexpr (std::is_const_v<T>) {
    return static_cast<T*>(tensor.const_data_ptr());
  } else {
    return static_cast<T*>(tensor.mutable_data_ptr());
  }
}

// The result, and what of the slope and the state is asked for and can be kept.
template <class T>
Forwarded forward_of(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                     at::IntArrayRef groups, bool gelu, bool keep_slope, bool keep_state) {
  c10::SmallVector<at::Tensor, 4> kept;
  const Layer<T> layer = make_layer<T>(x, factors, groups, &kept);
  const Index batch = x.size(0), width = out_features(factors);
  const BiasVector<T> vector(x, factors, bias, width);
  const at::Tensor rows = x.contiguous();
  const Setting setting = current_setting();
  Forwarded results{empty_rows({batch, width}, x.options()), {}, {}};
  if (keep_slope) results.slope = empty_rows({batch, width}, x.options());
  if (keep_state) {
    const KeptState state = kept_state(layer, batch, setting);
    const at::ScalarType type = type_of<T>(state, x.scalar_type());
    if (state.size > 0) results.state = at::empty({state.size}, x.options().dtype(type));
  }
  compute_forward<T>(layer, batch, static_cast<const T*>(rows.const_data_ptr()), vector.values(),
                     gelu, static_cast<T*>(results.y.mutable_data_ptr()),
                     {values_of<T>(results.slope), values_of<void>(results.state)}, setting);
  return results;
}

template <class T>
std::vector<at::Tensor> backward_of(const at::Tensor& grad, const at::Tensor& slope,
                                    const at::Tensor& state, const at::Tensor& x,
                                    at::TensorList factors, at::IntArrayRef groups, bool needs_x,
                                    bool needs_factors, bool needs_bias) {
  c10::SmallVector<at::Tensor, 4> kept;
  const Layer<T> layer = make_layer<T>(x, factors, groups, &kept);
  check_like("grad", grad, x);
  const Index batch = x.size(0), width = out_features(factors);
  TORCH_CHECK_VALUE(grad.dim() == 2 && grad.size(0) == batch && grad.size(1) == width,
                    "qimlp::kron_linear_backward: expected grad of shape (", batch, ", ", width,
                    "), got ", grad.sizes());
  const at::Tensor grad_rows = grad.contiguous();
  const at::Tensor rows = needs_factors ? x.contiguous() : x;  // of no use otherwise
  const Setting setting = current_setting();
  at::Tensor slopes, states;
  if (slope.numel() > 0) {
    check_like("slope", slope, x);
    TORCH_CHECK_VALUE(slope.sizes() == grad.sizes(),
                      "qimlp::kron_layer_backward: expected slope of shape ", grad.sizes(),
                      " as grad has, got ", slope.sizes());
    slopes = slope.contiguous();
  }
  if (state.numel() > 0) {
    const KeptState expected = kept_state(layer, batch, setting);
    const at::ScalarType type = type_of<T>(expected, x.scalar_type());
    TORCH_CHECK_VALUE(state.numel() == expected.size && state.scalar_type() == type,
                      "qimlp::kron_layer_backward: expected a state of ", expected.size,
                      " elements of ", type, ", as kron_layer_kept leaves it on these instructions, got ",
                      state.numel(), " of ", state.scalar_type());
    states = state.contiguous();
  }
  std::vector<at::Tensor> results;
  results.reserve(factors.size() + 2);
  T *grad_x = nullptr, *grad_bias = nullptr;
  std::vector<T*> grad_factors;
  if (needs_x) {
    results.push_back(empty_rows(x.sizes(), x.options()));
    grad_x = static_cast<T*>(results.back().mutable_data_ptr());
  }
  if (needs_factors) {
    for (const at::Tensor& factor : factors) {
      results.push_back(at::empty(factor.sizes(), factor.options()));
      grad_factors.push_back(static_cast<T*>(results.back().mutable_data_ptr()));
    }
  }
  if (needs_bias) {
    results.push_back(at::empty({width}, x.options()));
    grad_bias = static_cast<T*>(results.back().mutable_data_ptr());
  }
  compute_backward<T>(layer, batch, static_cast<const T*>(grad_rows.const_data_ptr()),
                      static_cast<const T*>(rows.const_data_ptr()),
                      {values_of<const T>(slopes), values_of<const void>(states)}, grad_x,
                      grad_factors, grad_bias, setting);
  return results;
}

Forwarded forward_cpu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                      at::IntArrayRef groups, bool gelu, bool keep_slope, bool keep_state) {
  return by_type(x, [&](auto number) {
    return forward_of<decltype(number)>(x, factors, bias, groups, gelu, keep_slope, keep_state);
  });
}

at::Tensor layer_cpu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                     at::IntArrayRef groups) {
  return forward_cpu(x, factors, bias, groups, false, false, false).y;
}

at::Tensor gelu_cpu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                    at::IntArrayRef groups) {
  return forward_cpu(x, factors, bias, groups, true, false, false).y;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> kept_cpu(const at::Tensor& x, at::TensorList factors,
                                                        at::TensorList bias, at::IntArrayRef groups,
                                                        bool gelu, bool keep_state) {
  Forwarded results = forward_cpu(x, factors, bias, groups, gelu, gelu, keep_state);
  if (!results.slope.defined()) results.slope = at::empty({0}, x.options());
  if (!results.state.defined()) results.state = at::empty({0}, x.options());
  return {std::move(results.y), std::move(results.slope), std::move(results.state)};
}

at::Tensor linear_cpu(const at::Tensor& x, at::TensorList factors,
                      const std::optional<at::Tensor>& bias, at::IntArrayRef groups) {
  return layer_cpu(x, factors, as_list(bias), groups);
}

std::vector<at::Tensor> layer_backward_cpu(const at::Tensor& grad, const at::Tensor& slope,
                                           const at::Tensor& state, const at::Tensor& x,
                                           at::TensorList factors, at::IntArrayRef groups,
                                           bool needs_x, bool needs_factors, bool needs_bias) {
  return by_type(x, [&](auto number) {
    return backward_of<decltype(number)>(grad, slope, state, x, factors, groups, needs_x,
                                         needs_factors, needs_bias);
  });
}

std::vector<at::Tensor> linear_backward_cpu(const at::Tensor& grad, const at::Tensor& x,
                                            at::TensorList factors, at::IntArrayRef groups,
                                            bool needs_x, bool needs_factors, bool needs_bias) {
  static const at::Tensor none = at::empty({0});
  return layer_backward_cpu(grad, none, none, x, factors, groups, needs_x, needs_factors,
                            needs_bias);
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_IMPL(qimlp, CPU, m) {
  m.impl("kron_linear", qimlp::linear_cpu);
  m.impl("kron_layer", qimlp::layer_cpu);
  m.impl("kron_layer_gelu", qimlp::gelu_cpu);
  m.impl("kron_layer_kept", qimlp::kept_cpu);
  m.impl("kron_linear_backward", qimlp::linear_backward_cpu);
  m.impl("kron_layer_backward", qimlp::layer_backward_cpu);
}
