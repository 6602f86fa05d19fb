// What the derivatives of the operators share.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/VariableTypeUtils.h>
#include <torch/csrc/autograd/function.h>

#include <memory>
#include <type_traits>

namespace qimlp {

inline bool any_forward_gradient(at::TensorList tensors) {
  for (const at::Tensor& tensor : tensors) {
    if (torch::autograd::isFwGradDefined(tensor)) return true;
  }
  return false;
}

inline bool any_requires_grad(at::TensorList tensors) {
  for (const at::Tensor& tensor : tensors) {
    if (tensor.requires_grad()) return true;
  }
  return false;
}

// Whether a tensor is one of the CPU and nothing more: no subclass, no wrapper of a transform.
inline bool is_ordinary(const at::Tensor& tensor) {
  constexpr c10::DispatchKeySet ordinary =
      c10::DispatchKeySet(c10::DispatchKey::CPU) |
      c10::DispatchKeySet({c10::DispatchKey::ADInplaceOrView, c10::DispatchKey::AutogradCPU,
                           c10::DispatchKey::AutocastCPU});
  return (tensor.key_set().raw_repr() & ~ordinary.raw_repr()) == 0;
}

// Nodes are counted by an intrusive pointer, and by a shared one in older torch.
template <class Node, class EdgePointer = decltype(torch::autograd::Edge::function)>
auto make_node() {
  if constexpr (std::is_same_v<EdgePointer, std::shared_ptr<torch::autograd::Node>>) {
    return std::shared_ptr<Node>(new Node(), [](auto* node) { deleteNode(node); });
  } else {
    return c10::make_intrusive<Node>();
  }
}

template <class Node>
using NodePointer = decltype(make_node<Node>());

}  // namespace qimlp
