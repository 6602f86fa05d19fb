"""A scaled sum of Kronecker products whose factors are whole or pairs of low rank."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from qimlp import functional
from qimlp.nn.parameters import assign, assign_all, in_full, read
from qimlp.nn.shaped import Shaped
from qimlp.ops import autocast_dtype, build_weight, is_proxy, mask_anew
from qimlp.shapes import KroneckerShape, as_size


class ScaledSum(Shaped):
    """A module that owns the factors of `scale * sum_c kron(factors[0][c], ...)`.

    Args:
        shape: Dims and rank of the sum.
        scale: What the sum is multiplied by.
        factor_ranks: For each factor the rank of the pair that it is kept as, or None.
        init: How the factors beside the first are drawn.
        like: A tensor of the device and dtype that the factors are to have.
    """

    def __init__(
        self,
        shape: KroneckerShape,
        scale: float,
        factor_ranks: tuple[int | None, ...],
        init: str,
        like: Tensor,
    ) -> None:
        super().__init__(shape)
        self.scale = scale
        self.factor_ranks = factor_ranks
        self.init = init
        for name, size in _sizes(shape, factor_ranks).items():
            empty = torch.empty(size, device=like.device, dtype=like.dtype)
            self.register_parameter(name, nn.Parameter(empty))
        self.reset_parameters()

    @property
    def factors(self) -> tuple[Tensor, ...]:
        """The M factors, factor i of shape `(rank, out_dims[i], in_dims[i])`, without the scale."""
        mask_anew(self)
        return tuple(self._factors())

    def delta(self) -> Tensor:
        """Build what the adapter adds to the base's weight: `scale` times the sum, differentiable.

        Returns:
            Shape `(out_features, in_features)`, of the factors' dtype.
        """
        return self._delta(None)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the factors anew, the first zero, so that the adapter adds nothing.

        Of a first factor of low rank only `factor_0_a` is zero. Were more than one zero, none would
        ever get a gradient.

        Args:
            generator: Source of randomness; torch's own where none is given. Where the parameters
                are spread over processes, all take what the first process draws.
        """
        like = next(self.parameters(recurse=False))
        drawn = functional.init_factors(
            self.shape, init=self.init, generator=generator, device=like.device, dtype=like.dtype
        )
        for i, (factor, low_rank) in enumerate(zip(drawn, self.factor_ranks, strict=True)):
            if low_rank is None:
                assign(getattr(self, f"factor_{i}"), factor if i else torch.zeros_like(factor))
                continue
            first, second = (
                torch.zeros(getattr(self, name).shape, device=like.device, dtype=like.dtype)
                for name in (f"factor_{i}_a", f"factor_{i}_b")
            )
            spread = factor.norm() / factor.numel() ** 0.5  # of the product, in the end
            second.normal_(generator=generator).mul_(spread)
            if i:
                first.normal_(std=low_rank**-0.5, generator=generator)
            assign_all([getattr(self, f"factor_{i}_{half}") for half in "ab"], [first, second])

    def _factors(self, x: Any = None, dtype: torch.dtype | None = None) -> list[Tensor]:
        """The factors, pairs multiplied out.

        Args:
            x: The input that they are read for; a proxy where a graph is traced.
            dtype: The one to convert to and to multiply pairs in; their own where none is given.
        """
        count, names = self.shape.num_factors, _sizes(self.shape, self.factor_ranks)
        if len(names) == count and not is_proxy(x):
            whole = list(read(self, "factor", count))
            return whole if dtype is None else [factor.to(dtype) for factor in whole]
        parts = {name: getattr(self, name) for name in names}
        if dtype is not None:
            parts = {name: part.to(dtype) for name, part in parts.items()}
        return [
            parts[f"factor_{i}"] if low is None else parts[f"factor_{i}_a"] @ parts[f"factor_{i}_b"]
            for i, low in enumerate(self.factor_ranks)
        ]

    def _scaled(self, factors: list[Tensor]) -> list[Tensor]:
        """The factors of the sum times its scale."""
        return factors if self.scale == 1 else [factors[0] * self.scale, *factors[1:]]

    def _delta(self, dtype: torch.dtype | None) -> Tensor:
        mask_anew(self)
        device = next(self.parameters(recurse=False)).device.type
        with torch.autocast(device, enabled=False) if casts(device) else nullcontext():
            factors = [in_full(factor) for factor in self._factors(dtype=dtype)]
            return build_weight(self._scaled(factors))


def casts(device: str) -> bool:
    """Whether autocast is on for a type of device."""
    return autocast_dtype(device) is not None


def as_scale(alpha: float | None, scale: float | None, rank: int) -> float:
    """Return the scale that was asked for: `scale`, `alpha / rank`, or 1 for neither.

    Raises:
        TypeError: Not a number.
        ValueError: Both were given, or one that is not finite.
    """
    if alpha is not None and scale is not None:
        raise ValueError(
            f"expected alpha or scale, or neither, got alpha={alpha!r:.40} and scale={scale!r:.40}"
        )
    name, value = ("scale", scale) if alpha is None else ("alpha", alpha)
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, got {value!r:.80}")
    if not isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value}")
    return float(value) if alpha is None else float(value) / rank


def as_factor_ranks(given: Sequence[int | None] | None, count: int) -> tuple[int | None, ...]:
    """Return the ranks of the pairs that factors are kept as, all None where none are given.

    Raises:
        TypeError: Not a sequence of integers and None.
        ValueError: Not `count` of them, or one below 1.
    """
    if given is None:
        return (None,) * count
    if not isinstance(given, list | tuple):
        raise TypeError(f"factor_ranks: expected a sequence such as (None, 4), got {given!r:.80}")
    if len(given) != count:
        raise ValueError(f"factor_ranks: expected {count} entries, one a factor, got {len(given)}")
    return tuple(
        None if rank is None else as_size(f"factor_ranks[{i}]", rank)
        for i, rank in enumerate(given)
    )


def _sizes(shape: KroneckerShape, ranks: Sequence[int | None]) -> dict[str, tuple[int, ...]]:
    """Names and sizes of the parameters."""
    sizes: dict[str, tuple[int, ...]] = {}
    for i, ((rank, n_out, n_in), low_rank) in enumerate(
        zip(shape.factor_shapes, ranks, strict=True)
    ):
        if low_rank is None:
            sizes[f"factor_{i}"] = (rank, n_out, n_in)
        else:
            sizes[f"factor_{i}_a"] = (rank, n_out, low_rank)
            sizes[f"factor_{i}_b"] = (rank, low_rank, n_in)
    return sizes
