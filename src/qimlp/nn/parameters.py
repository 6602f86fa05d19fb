"""Numbered parameters of a module: read in every call, written to, and called by older names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.ops import registered_parameters

_OLDER = re.compile(r"(^|\.)(bias_)?factors\.(parametrizations\.)?(\d+)(?=$|\.|_)")


def current_name(name: str) -> str:
    """Translate the name of a parameter in an older file.

    Factors once lay in a list of their own: `factors.0` is `factor_0` today, `bias_factors.0` is
    `bias_factor_0`, and what pruning and parametrizations made of them follows.

    Args:
        name: A name in a state dict, such as `layers.0.factors.1` or
            `layers.0.factors.1.exp_avg` in that of an optimizer.

    Returns:
        Today's name; any other name as it is.
    """
    return _OLDER.sub(lambda m: f"{m[1]}{m[3] or ''}{m[2] or ''}factor_{m[4]}", name)


def numbered(name: str, count: int) -> tuple[str, ...]:
    """The names `name_0 ..` of `count` parameters."""
    return tuple([f"{name}_{i}" for i in range(count)])


def read(module: nn.Module, name: str, count: int) -> Sequence[Tensor]:
    """Read the parameters `name_0 ..` of a module, or what stands in their place, in order.

    Args:
        module: Their owner.
        name: What their names begin with.
        count: How many there are.

    Returns:
        `count` tensors; pruned and parametrized ones are no parameters.
    """
    if not torch.compiler.is_compiling():
        try:  # attributes would cost a tenth of a short call
            return _reader(name, count)(registered_parameters(module))
        except KeyError:
            pass
    return tuple([getattr(module, each) for each in numbered(name, count)])


@lru_cache(maxsize=256)
def _reader(name: str, count: int) -> Callable[[Any], Sequence[Tensor]]:
    names = numbered(name, count)
    if count == 1:  # an itemgetter of one name returns no tuple
        return lambda found: (found[names[0]],)
    return itemgetter(*names)


def in_full(tensor: Tensor) -> Tensor:
    """The whole of a tensor that is spread over processes (a `DTensor`); any other as it is.

    Differentiable. Every process of the tensor's mesh must call this.
    """
    if type(tensor) in (Tensor, nn.Parameter) or not hasattr(tensor, "full_tensor"):
        return tensor
    whole: Tensor = tensor.full_tensor()
    return whole


def assign(parameter: Tensor, value: Tensor) -> None:
    """Write a whole value into a parameter, each process its own part of a `DTensor`.

    Args:
        parameter: On any device, of any floating-point dtype.
        value: Of the parameter's shape. Where processes were given different ones, that of the
            first process counts.
    """
    mesh: Any = getattr(parameter, "device_mesh", None)
    if mesh is not None:
        from torch.distributed.tensor import distribute_tensor  # noqa: PLC0415 - slow to import

        placements: Any = parameter.placements  # type: ignore[attr-defined]
        value = distribute_tensor(value.to(parameter.device), mesh, placements)
    parameter.copy_(value)


@torch.no_grad()
def assign_all(parameters: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Write several whole values, each as `assign` does."""
    for parameter, value in zip(parameters, values, strict=True):
        assign(parameter, value)


@torch.no_grad()
def draw_normal(parameter: Tensor, std: float) -> None:
    """Draw a parameter's values anew from a normal distribution about zero.

    Args:
        parameter: Changed in place. Where it is spread over processes, each takes its part of what
            the first process draws.
        std: Their standard deviation.
    """
    drawn = torch.randn(parameter.shape, device=parameter.device, dtype=parameter.dtype)
    assign(parameter, drawn * std)


def check_settable(module: nn.Module, names: Sequence[str]) -> None:
    """Refuse to write to what is computed: the next call would compute it again.

    Args:
        module: The owner.
        names: Of what is to be written to.

    Raises:
        ValueError: One of them is computed from other tensors (pruned, parametrized).
    """
    for name in names:
        if name not in registered_parameters(module):
            raise ValueError(
                f"{name}: expected a parameter, got a tensor that is computed from others "
                "(pruned, or parametrized as by weight_norm); remove that first"
            )


def parameters_of(module: nn.Module, name: str) -> list[nn.Parameter]:
    """List the parameters that named tensors of a module are, or are computed from.

    Args:
        module: The owner.
        name: What the tensors' names begin with: `"factor"`, `"bias"`, or one such as `"factor_0"`.
    """
    own = re.compile(rf"(parametrizations\.)?{name}(?!\d)")
    return [parameter for found, parameter in module.named_parameters() if own.match(found)]
