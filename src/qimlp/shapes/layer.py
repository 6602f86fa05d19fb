"""One layer's dimensions, and exact counts of what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from operator import index
from typing import Literal

BiasForm = Literal["kronecker", "dense"]
Sizes = tuple[tuple[int, ...], tuple[int, ...], int]


def as_dims(name: str, dims: Iterable[int]) -> tuple[int, ...]:
    """Return `dims` as a tuple of positive ints.

    Raises:
        TypeError: An entry is not an integer.
        ValueError: No entry, or one below 1.
    """
    if isinstance(dims, (str, bytes)) or not isinstance(dims, Iterable):
        raise TypeError(f"{name}: expected a sequence of integers such as (28, 28), got {dims!r}")
    values = tuple(dims)
    if not values:
        raise ValueError(f"{name}: expected at least one size, got an empty sequence")
    return tuple(as_size(f"{name}[{i}]", value) for i, value in enumerate(values))


def as_size(name: str, value: int, *, least: int = 1) -> int:
    """Return `value` as an int of at least `least`.

    Raises:
        TypeError: Not an integer (a bool is none).
        ValueError: Below `least`.
    """
    try:
        size = index(value)
    except TypeError:
        size = None
    if size is None or isinstance(value, bool):
        raise TypeError(f"{name}: expected an integer of at least {least}, got {value!r}")
    if size < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {size}")
    return size


def as_bias_form(bias: str | bool | None) -> BiasForm | None:
    """Resolve a bias: `"kronecker"`, `"dense"` (also `True`), `False` (also `None`).

    Raises:
        ValueError: Anything else.
    """
    if bias is False or bias is None:
        return None
    if bias is True or bias == "dense":
        return "dense"
    if bias == "kronecker":
        return "kronecker"
    raise ValueError(
        f'bias: expected "kronecker", "dense" (or True), or False, got {bias!r}; '
        '"kronecker" is the paper\'s Eq. 3'
    )


@dataclass(frozen=True)
class KroneckerShape:
    """The dimensions of one multi-body layer (Zhang et al., AAAI-25, Eqs. 2-4).

    The weight is `sum_c kron(factors[0][c], ..., factors[M-1][c])` of shape
    `(out_features, in_features)`; factor `i` has shape `(rank, out_dims[i], in_dims[i])`.

    Attributes:
        in_dims: Sizes of the input's bodies; their product is `in_features`.
        out_dims: Sizes of the output's bodies; their product is `out_features`.
        rank: Number of summed Kronecker products (the paper's copies k).
        in_features: Width of the input, `prod in_dims`.
        out_features: Width of the output, `prod out_dims`.
        sizes: `(in_dims, out_dims, rank)`, which is quicker to look up by than the shape.

    Raises:
        TypeError: A size is not an integer.
        ValueError: A size below 1, or `in_dims` and `out_dims` of different lengths.
    """

    in_dims: tuple[int, ...]
    out_dims: tuple[int, ...]
    rank: int = 1
    in_features: int = field(init=False, repr=False, compare=False)
    out_features: int = field(init=False, repr=False, compare=False)
    sizes: Sizes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_dims", as_dims("in_dims", self.in_dims))
        object.__setattr__(self, "out_dims", as_dims("out_dims", self.out_dims))
        object.__setattr__(self, "rank", as_size("rank", self.rank))
        if len(self.in_dims) != len(self.out_dims):
            raise ValueError(
                f"expected as many in_dims as out_dims (one pair a factor), "
                f"got in_dims={self.in_dims} and out_dims={self.out_dims}"
            )
        object.__setattr__(self, "in_features", prod(self.in_dims))
        object.__setattr__(self, "out_features", prod(self.out_dims))
        object.__setattr__(self, "sizes", (self.in_dims, self.out_dims, self.rank))

    def __str__(self) -> str:
        arrow = f"{format_dims(self.in_dims)}->{format_dims(self.out_dims)}"
        return arrow if self.rank == 1 else f"{arrow} rank {self.rank}"

    @property
    def num_factors(self) -> int:
        """Number of factors M."""
        return len(self.in_dims)

    @property
    def factor_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Shape `(rank, out, in)` of every factor."""
        return tuple((self.rank, o, i) for o, i in zip(self.out_dims, self.in_dims, strict=True))

    @property
    def matrix_rank(self) -> int:
        """Largest rank that the weight can have as a matrix.

        That of a Kronecker product is the product of its factors' ranks, and that of a sum at most
        the sum of its terms': `rank * prod min(out_i, in_i)`, or the smaller width where that is
        less.
        """
        terms = self.rank * prod(map(min, self.out_dims, self.in_dims))
        return min(terms, self.out_features, self.in_features)

    @property
    def dense_weight_parameters(self) -> int:
        """Entries of the full weight."""
        return self.in_features * self.out_features

    @property
    def weight_parameters(self) -> int:
        """Entries of all factors: `rank * sum_i out_i * in_i`."""
        return self.rank * sum(o * i for o, i in zip(self.out_dims, self.in_dims, strict=True))

    def bias_parameters(self, bias: str | bool | None) -> int:
        """Entries of the bias: `sum_i out_i` (kronecker), `prod_i out_i` (dense) or 0."""
        form = as_bias_form(bias)
        if form is None:
            return 0
        return sum(self.out_dims) if form == "kronecker" else self.out_features

    def parameters(self, bias: str | bool | None = "kronecker") -> int:
        """Trainable numbers of the layer, bias included."""
        return self.weight_parameters + self.bias_parameters(bias)

    def compression(self, bias: str | bool | None = "kronecker") -> float:
        """Parameters of the same `nn.Linear`, with a bias where this has one, over these."""
        dense_bias = self.out_features if as_bias_form(bias) else 0
        return (self.dense_weight_parameters + dense_bias) / self.parameters(bias)

    @property
    def cheapest_order(self) -> tuple[int, ...]:
        """Order of the mode products with the fewest multiply-adds.

        Ascending `1/in_i - 1/out_i`: exchanging two neighbours that stand the other way round
        always saves work. Ties keep the order of the factors.
        """
        return tuple(
            sorted(
                range(self.num_factors), key=lambda i: 1 / self.in_dims[i] - 1 / self.out_dims[i]
            )
        )

    def multiply_adds(self, batch: int = 1) -> int:
        """Multiply-adds of one forward pass, factor by factor in the cheapest order.

        Exact for `rank` copies that share the first mode product's input and fold the sum over
        copies into the last product.
        """
        width, total = self.in_features, 0
        for mode in self.cheapest_order:
            width = width // self.in_dims[mode] * self.out_dims[mode]
            total += width * self.in_dims[mode]
        return batch * self.rank * total

    def dense_multiply_adds(self, batch: int = 1) -> int:
        """Multiply-adds of one forward pass with the full weight."""
        return batch * self.dense_weight_parameters

    def activation_elements(self, batch: int = 1) -> int:
        """Elements held at once at most by one forward pass, factor by factor.

        The largest sum of a mode product's input and output; the `rank` copies live between the
        first and the last product.
        """
        order, width, largest = self.cheapest_order, self.in_features, 0
        copies = 1
        for step, mode in enumerate(order):
            after = width // self.in_dims[mode] * self.out_dims[mode]
            copies_after = 1 if step == len(order) - 1 else self.rank
            largest = max(largest, copies * width + copies_after * after)
            width, copies = after, copies_after
        return batch * largest


def format_dims(dims: Iterable[int]) -> str:
    """`(28, 28)` as `28x28`."""
    return "x".join(str(d) for d in dims)
