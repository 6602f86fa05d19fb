"""The dims of a layer: those that are given, or planned."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from qimlp.shapes import KroneckerShape, plan


def resolve_shape(
    layer: str,
    widths: tuple[int, int],
    in_dims: Sequence[int] | None,
    out_dims: Sequence[int] | None,
    num_factors: int,
    rank: int,
) -> KroneckerShape:
    """Resolve the dims of a layer: those that are given, or the planner's first choice.

    Args:
        layer: Name of the layer's class, for a warning.
        widths: Columns and rows of the weight.
        in_dims: Sizes of the input's bodies, or None.
        out_dims: Sizes of the output's bodies, or None.
        num_factors: Number of factors M, where no dims are given.
        rank: Number of summed Kronecker products.

    Returns:
        The shape.

    Raises:
        TypeError: A size is no integer.
        ValueError: Dims that do not multiply up to the width, or only one of the two.
    """
    in_features, out_features = widths
    if (in_dims is None) != (out_dims is None):
        raise ValueError(
            "expected both in_dims and out_dims, or neither (then the planner chooses), "
            f"got in_dims={in_dims} and out_dims={out_dims}"
        )
    if in_dims is None or out_dims is None:
        best = plan(in_features, out_features, num_factors, rank, limit=1)[0]
        if best.note and 1 in best.in_dims + best.out_dims:
            warnings.warn(f"{layer}({in_features}, {out_features}): {best.note}", stacklevel=3)
        return best.shape
    shape = KroneckerShape(tuple(in_dims), tuple(out_dims), rank)
    for name, width, dims, product in (
        ("in_dims", in_features, shape.in_dims, shape.in_features),
        ("out_dims", out_features, shape.out_dims, shape.out_features),
    ):
        if product != width:
            raise ValueError(
                f"{name}: expected sizes that multiply up to {width}, got {dims}, "
                f"which make {product}"
            )
    return shape
