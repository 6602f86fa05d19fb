"""The frozen layer under an adapter: what it may be, and its weight seen as a matrix."""

from __future__ import annotations

from torch import Tensor, nn

from qimlp.nn.dense_layers import dense_class
from qimlp.nn.linear import KroneckerLinear
from qimlp.ops import registered_parameters

_EXPECTED = "expected an nn.Linear, transformers' Conv1D, an nn.Conv2d or a KroneckerLinear"


def kind_of_base(base: object) -> str:
    """Name the kind of a layer that an adapter can be put on.

    Args:
        base: The layer.

    Returns:
        `"Linear"`, `"Conv1D"`, `"Conv2d"` or `"KroneckerLinear"`.

    Raises:
        TypeError: Another module, or one whose weight is stored quantised.
    """
    kind = _kind(base)
    if kind is None or not isinstance(base, nn.Module):
        raise TypeError(f"base: {_EXPECTED}, got {type(base).__name__}")
    weight = base.weight
    if not isinstance(weight, Tensor) or not weight.is_floating_point() or weight.itemsize < 2:
        stored = weight.dtype if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(
            f"base: expected a {kind} with a floating-point weight, got one stored as {stored}; "
            "an adapter goes on the layer before it is quantised"
        )
    return kind


def widths(base: nn.Module, kind: str) -> tuple[int, int]:
    """Width of the input and of the output of a base's weight, seen as a matrix."""
    if isinstance(base, KroneckerLinear):
        return base.in_features, base.out_features
    out_features, in_features = as_matrix(dense_weight(base), kind).shape
    return in_features, out_features


def base_widths(base: nn.Module) -> tuple[int, int]:
    """Say how wide a layer is that an adapter can be put on, seen as a matrix.

    Args:
        base: An `nn.Linear`, transformers' `Conv1D`, an `nn.Conv2d` or a `KroneckerLinear`.

    Returns:
        Width of the input and of the output.

    Raises:
        TypeError: Another module, or one whose weight is stored quantised.
    """
    return widths(base, kind_of_base(base))


def dense_weight(base: nn.Module) -> Tensor:
    """The weight of a base, in the layout that it keeps it in."""
    weight = base.weight
    assert isinstance(weight, Tensor)  # noqa: S101 - `kind_of_base` has seen to it
    return weight


def as_matrix(weight: Tensor, kind: str) -> Tensor:
    """See a weight in the layout of its kind as a matrix (out, in)."""
    if kind == "Conv1D":
        return weight.t()
    return weight.flatten(1) if kind == "Conv2d" else weight


def as_layout(matrix: Tensor, base: nn.Module, kind: str) -> Tensor:
    """Bring a matrix (out, in) into the layout of a base's weight."""
    if kind == "Conv1D":
        return matrix.t()
    return matrix.view(dense_weight(base).shape) if kind == "Conv2d" else matrix


def has_own_forward(base: nn.Module) -> bool:
    """Whether a base is called as its kind is, and not as a subclass would have it."""
    dense = dense_class(base)
    return dense is not None and type(base).forward is dense.forward


def check_mergeable(base: nn.Module, kind: str) -> None:
    """Refuse to merge into a weight that is not a parameter of the base with numbers in it.

    Raises:
        ValueError: The weight is computed from others, or lies on the meta device.
    """
    if kind == "KroneckerLinear" or "weight" not in registered_parameters(base):
        raise ValueError(
            f"merge: expected a base with a weight of its own, got a {type(base).__name__}, whose "
            "weight is computed from other tensors; leave the adapter unmerged"
        )
    if dense_weight(base).is_meta:
        raise ValueError(
            "merge: expected a base with its weight in memory, got one on the meta device "
            "(offloaded, or not loaded yet); load it first"
        )


def _kind(base: object) -> str | None:
    if isinstance(base, KroneckerLinear):
        return "KroneckerLinear"
    dense = dense_class(base) if isinstance(base, nn.Module) else None
    return None if dense is None else dense.__name__
