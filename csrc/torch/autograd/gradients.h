// The gradients of a recorded call, from what its node knows of it.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>
#include <torch/csrc/autograd/variable.h>

namespace qimlp {

using Tensors = c10::SmallVector<at::Tensor, 4>;

// Whether each gradient is asked for: of x, of the factors, of the parts of the bias.
using Needs = c10::SmallVector<bool, 12>;

// What a node knows of its call beside the tensors.
struct Call {
  bool has_gelu = false;
  bool keeps = false;  // whether slope and state were kept
  c10::SmallVector<int64_t, 4> groups;
  std::size_t factors = 0, biases = 0;
};

// The tensors that a node saved. `bias`: its parts that learn, or all where GELU follows.
struct Unpacked {
  at::Tensor x, slope, state;
  Tensors factors, bias;
};

// Undefined where they are not asked for.
torch::autograd::variable_list gradients(const at::Tensor& grad, const Call& call,
                                         const Unpacked& saved, const Needs& needs);

}  // namespace qimlp
