// The parts of a network for tables, each as its operator has it: checked tensors in, the core's
// results out, and the same in torch's own operations.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/variable.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace qimlp {

// The columns' vectors. Undefined tensors where there are no numbers, or no categories.
struct EmbeddingTensors {
  at::Tensor x, frequencies, weight, bias, table;
  std::vector<int64_t> cardinalities;

  int64_t numbers() const { return frequencies.defined() ? frequencies.size(0) : 0; }
  const at::Tensor& values() const { return weight.defined() ? weight : table; }
  int64_t width() const { return values().size(values().dim() - 1); }
};

// The vectors, and what the way back can use.
std::pair<at::Tensor, at::Tensor> embed(const EmbeddingTensors& given, bool keep);

// Gradients of all but x, in order; those of the frequencies only where they learn.
torch::autograd::variable_list embed_backward(const EmbeddingTensors& given, const at::Tensor& grad,
                                              const at::Tensor& features);

at::Tensor defined_embedding(const EmbeddingTensors& given);

// Members' layers: x (groups, n, a, b), left (members, a', a, rank), right (members, b, rank, b'),
// bias (members, a', b') or undefined; the members of all groups.
struct MemberTensors {
  at::Tensor x, left, right, bias;
  bool gelu, residual;
  double dropout;
  int64_t seed;

  // Of 65,536 entries: never none.
  std::uint32_t kept_of_65536() const;
};

struct MemberResults {
  at::Tensor y, slope, state;
};

MemberResults apply_members(const MemberTensors& given, bool keep);

// Gradients of x, left, right and bias.
torch::autograd::variable_list members_backward(const MemberTensors& given, const at::Tensor& grad,
                                                const at::Tensor& slope, const at::Tensor& state,
                                                bool needs_x);

at::Tensor defined_layer(const MemberTensors& given);

// Members' dense layers: x (members, n, i), weight (members, i, o), bias (members, o).
at::Tensor apply_head(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// Gradients of x, weight and bias.
torch::autograd::variable_list head_backward(const at::Tensor& x, const at::Tensor& weight,
                                             const at::Tensor& bias, const at::Tensor& grad,
                                             bool needs_x);

at::Tensor defined_head(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace qimlp
