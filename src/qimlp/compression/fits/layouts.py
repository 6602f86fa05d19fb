"""Layouts that a layer's weight can be stored in, and what each costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

from qimlp.compression.config import Form
from qimlp.shapes import BiasForm, KroneckerShape, format_dims, plan

BALANCED = 3
"""Balanced layouts of a layer that are looked at, the planner's first."""

_BIAS_SHARE = 5
"""A dense bias may take at most one part in so many of a layer's parameters."""


@dataclass(frozen=True)
class Layout:
    """Dims of a sum of Kronecker products, its rank still open.

    Attributes:
        form: `"low_rank"` where the products are outer products of vectors, else `"kronecker"`.
        in_dims: Sizes of the input's bodies.
        out_dims: Sizes of the output's bodies.
    """

    form: Form
    in_dims: tuple[int, ...]
    out_dims: tuple[int, ...]

    def __str__(self) -> str:
        arrow = f"{format_dims(self.in_dims)}->{format_dims(self.out_dims)}"
        return f"{self.form.replace('_', ' ')} {arrow}"

    @property
    def max_rank(self) -> int:
        """A rank that holds every weight: of two factors the least that does."""
        sizes = [o * i for o, i in zip(self.out_dims, self.in_dims, strict=True)]
        return prod(sizes) // max(sizes)

    @cached_property
    def out_features(self) -> int:
        """Width of the output."""
        return prod(self.out_dims)

    @cached_property
    def parameters_of_a_term(self) -> int:
        """Weight parameters of one summed product."""
        return sum(o * i for o, i in zip(self.out_dims, self.in_dims, strict=True))

    def shape(self, rank: int) -> KroneckerShape:
        """The layer's shape at a rank."""
        return KroneckerShape(self.in_dims, self.out_dims, rank)

    def bias_form(self, rank: int, has_bias: bool = True) -> BiasForm | None:
        """How the bias is stored: dense, or as a Kronecker one where that took too large a share.

        Args:
            rank: Number of summed products.
            has_bias: Whether the layer has a bias at all.
        """
        if not has_bias:
            return None
        most = rank * self.parameters_of_a_term
        fits = (_BIAS_SHARE - 1) * self.out_features <= most
        return "dense" if self.form == "low_rank" or fits else "kronecker"

    def parameters(self, rank: int, has_bias: bool = True) -> int:
        """Parameters of the layer at a rank, bias included."""
        form = self.bias_form(rank, has_bias)
        bias = 0 if form is None else self.out_features if form == "dense" else sum(self.out_dims)
        return rank * self.parameters_of_a_term + bias


@dataclass(frozen=True)
class Curve:
    """How far a layer's output is off at every rank of a layout.

    Attributes:
        layout: The layout.
        errors: Relative output error at rank 0, 1, ...; that at rank 0, where only the bias is
            left, is 1.
        has_bias: Whether the layer has a bias.
        estimated: Whether they are estimates, or the errors that the fits have.
    """

    layout: Layout
    errors: tuple[float, ...]
    has_bias: bool
    estimated: bool = False

    @property
    def dense_parameters(self) -> int:
        """Parameters of the dense layer, bias included."""
        shape = self.layout.shape(1)
        return shape.dense_weight_parameters + self.has_bias * shape.out_features

    def parameters(self, rank: int) -> int:
        """Parameters of the layer at a rank, bias included."""
        return self.layout.parameters(rank, self.has_bias)


def candidate_layouts(
    in_features: int, out_features: int, form: Form, num_factors: int = 2
) -> list[Layout]:
    """List the layouts of a form that are worth a look for a layer.

    Args:
        in_features: Width of the input.
        out_features: Width of the output.
        form: `"low_rank"`, which has one layout, or `"kronecker"`: the planner's first few.
        num_factors: Number of factors of the form `"kronecker"`, 2 or more.

    Returns:
        One layout or more, the best guess first.

    Raises:
        ValueError: A width that does not split into so many factors above 1.
    """
    if form == "low_rank":
        return [Layout("low_rank", (1, in_features), (out_features, 1))]
    plans = plan(in_features, out_features, num_factors, limit=4 * BALANCED)
    balanced = [each for each in plans if min(*each.in_dims, *each.out_dims) > 1][:BALANCED]
    if not balanced:
        raise ValueError(
            f"expected widths that are products of {num_factors} sizes above 1 for the form "
            f'"kronecker", got {in_features} inputs and {out_features} outputs; '
            'the form "low_rank" fits any'
        )
    return [Layout("kronecker", each.in_dims, each.out_dims) for each in balanced]
