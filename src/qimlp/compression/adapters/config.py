"""What adapters are made with."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

from qimlp.files import shown
from qimlp.shapes import as_dims, as_size


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """Size of the adapters, and which layers get one.

    Attributes:
        rank: Number of summed Kronecker products of each adapter.
        alpha: The sum is multiplied by `alpha / rank`; where none is given, by 1.
        num_factors: Number of factors M of each product, where no dims are given.
        in_dims: Sizes of the input's bodies, the same for every layer; for each layer the planner's
            first choice where none are given.
        out_dims: Sizes of the output's bodies; given together with `in_dims` or not at all.
        skip: Names of modules to leave alone; `*` stands for any part of a name.
        on_unsupported: Whether a layer that cannot have an adapter is left alone and named
            (`"skip"`) or refused (`"raise"`).

    Raises:
        TypeError: A value of another type.
        ValueError: A value out of range.
    """

    rank: int = 4
    alpha: float | None = None
    num_factors: int = 2
    in_dims: tuple[int, ...] | None = None
    out_dims: tuple[int, ...] | None = None
    skip: tuple[str, ...] = ()
    on_unsupported: Literal["skip", "raise"] = "skip"

    def __post_init__(self) -> None:
        as_size("rank", self.rank)
        as_size("num_factors", self.num_factors, least=2)
        if (self.in_dims is None) != (self.out_dims is None):
            raise ValueError(
                "expected both in_dims and out_dims, or neither (then the planner chooses), "
                f"got in_dims={shown(self.in_dims, 60)} and out_dims={shown(self.out_dims, 60)}"
            )
        for name, dims in (("in_dims", self.in_dims), ("out_dims", self.out_dims)):
            if dims is not None:
                object.__setattr__(self, name, as_dims(name, dims))
        if isinstance(self.alpha, bool) or not isinstance(self.alpha, int | float | None):
            raise TypeError(f"alpha: expected a number, got {shown(self.alpha, 60)}")
        if self.alpha is not None and not isfinite(self.alpha):
            raise ValueError(f"alpha: expected a finite number, got {self.alpha}")
        if self.on_unsupported not in ("skip", "raise"):
            raise ValueError(
                f"on_unsupported: expected skip or raise, got {shown(self.on_unsupported, 60)}"
            )
        object.__setattr__(self, "skip", _patterns(self.skip))


def _patterns(skip: object) -> tuple[str, ...]:
    given = (skip,) if isinstance(skip, str) else skip
    if not isinstance(given, tuple | list) or not all(isinstance(each, str) for each in given):
        raise TypeError(f"skip: expected names of modules, got {shown(skip, 60)}")
    return tuple(given)
