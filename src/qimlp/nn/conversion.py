"""Between a dense layer and the factors nearest to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qimlp import functional
from qimlp.nn.owner import KroneckerModule
from qimlp.nn.parameters import assign, assign_all, check_settable, in_full, numbered, parameters_of


@torch.no_grad()
def approximate_(layer: KroneckerModule, weight: Tensor, bias: Tensor | None) -> None:
    """Write the factors nearest to a dense weight, and the nearest bias, into a layer.

    See `KroneckerLinear.approximate_`.
    """
    shape = layer.shape
    check_settable(layer, numbered("factor", shape.num_factors))
    if bias is not None and layer.bias_form is None:
        raise ValueError("bias: expected None for a layer without a bias, got a tensor")
    vector = weight.new_zeros(shape.out_features) if bias is None else bias
    if tuple(vector.shape) != (shape.out_features,):
        raise ValueError(f"bias: expected shape {(shape.out_features,)}, got {tuple(vector.shape)}")
    nearest, _ = functional.nearest_kronecker(weight, shape.in_dims, shape.out_dims, shape.rank)
    assign_all(layer.factors, _kept_alive(nearest, layer.factors))
    if layer.bias_factors is not None:
        assign_all(layer.bias_factors, functional.nearest_kronecker_bias(vector, shape.out_dims))
    elif layer.bias is not None:
        assign(layer.bias, vector)


def _kept_alive(nearest: list[Tensor], present: tuple[Tensor, ...]) -> list[Tensor]:
    """The nearest factors, save that an unused product is zero by its first factor alone."""
    used = torch.stack([factor.flatten(1).any(dim=1) for factor in nearest]).any(dim=0)
    new = [nearest[0].to(present[0])]
    for value, parameter in zip(nearest[1:], present[1:], strict=True):
        old = in_full(parameter)
        new.append(torch.where(used.to(old.device).view(-1, 1, 1), value.to(old), old))
    return new


def copy_dense_(layer: KroneckerModule, dense: nn.Linear | nn.Conv2d) -> None:
    """Approximate a dense layer in place; what is frozen there is frozen then."""
    bias = None if dense.bias is None else in_full(dense.bias)
    approximate_(layer, in_full(dense.weight).flatten(1), bias)
    layer.train(dense.training)
    for factor in layer.factors:
        factor.requires_grad_(dense.weight.requires_grad)
    if dense.bias is not None and layer.bias is not None:
        layer.bias.requires_grad_(dense.bias.requires_grad)


@torch.no_grad()
def to_linear(layer: KroneckerModule) -> nn.Linear:
    """Make the `nn.Linear` that computes the same; see `KroneckerLinear.to_linear`."""
    like = layer.factors[0]
    linear = nn.Linear(
        layer.shape.in_features,
        layer.shape.out_features,
        layer.bias is not None,
        device=like.device,
        dtype=like.dtype,
    )
    fill_dense_(linear, layer)
    return linear


@torch.no_grad()
def fill_dense_(dense: nn.Linear | nn.Conv2d, layer: KroneckerModule) -> None:
    """Write what a layer computes into a dense layer, in place.

    Args:
        dense: Its weight has as many numbers as the layer's matrix, and it has a bias if the layer
            has one. It learns where the layer does, and takes its mode.
        layer: The layer.
    """
    bias = layer.bias_vector()
    dense.weight.copy_(layer.weight_matrix().view_as(dense.weight))
    dense.weight.requires_grad_(any(p.requires_grad for p in parameters_of(layer, "factor")))
    if bias is not None and dense.bias is not None:
        dense.bias.copy_(bias)
        dense.bias.requires_grad_(any(p.requires_grad for p in parameters_of(layer, "bias")))
    dense.train(layer.training)
