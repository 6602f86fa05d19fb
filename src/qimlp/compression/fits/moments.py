"""Streamed moments of a layer's inputs, and of the outputs wanted for them."""

from __future__ import annotations

from copy import copy
from itertools import pairwise

import torch
from torch import Tensor

MAX_BLOCK = 4096
"""Inputs of one block of the second moments; a block takes `8 MAX_BLOCK^2` bytes (128 MiB)."""

_ROWS_AT_ONCE = 1024
"""Rows that wait for one product: fewer would spend more on adding to the sums than on products."""

_LARGEST, _LEAST = 1e15, 1e-15
"""Deviations whose squares float32 holds; others are multiplied in float64."""

_ROUNDING = 1e-14
"""Deviations of rows that are alike, over their size: what sums of float64 leave."""


class Moments:
    """Count, mean and centred second moments of rows that come in batches.

    Sums are float64. A batch is centred on its own mean before it is multiplied (in its own
    precision, float32 at least), and batches are joined by Chan's update, so that a mean far
    above the deviations costs no digits.

    Of up to `block` inputs all second moments are kept. Beyond, only those of inputs that lie in
    the same block of at most `block` neighbours; between blocks they count as zero.

    Args:
        in_features: Width of the rows.
        out_features: Width of the target rows; None where there are none.
        device: Where the sums lie; the CPU if none is given.
        block: Most inputs of a block.

    Attributes:
        in_features: Width of the rows.
        out_features: Width of the target rows, or None.
        bounds: `(start, stop)` of every block of inputs.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int | None = None,
        *,
        device: torch.device | str | None = None,
        block: int = MAX_BLOCK,
    ) -> None:
        count = -(-in_features // block)
        edges = [round(in_features * each / count) for each in range(count + 1)]
        self.in_features = in_features
        self.out_features = out_features
        self.bounds = tuple(pairwise(edges))

        def zeros(*sizes: int) -> Tensor:
            return torch.zeros(sizes, dtype=torch.float64, device=device)

        wanted = out_features or 0
        self._count = 0
        self._mean, self._sums = zeros(in_features), [zeros(b - a, b - a) for a, b in self.bounds]
        self._target_mean, self._target_sums = zeros(wanted), zeros(wanted)
        self._cross = zeros(wanted, in_features)
        self._waiting: list[tuple[Tensor, Tensor | None]] = []

    def update(self, rows: Tensor, target_rows: Tensor | None = None) -> None:
        """Take more rows; they are copied, and may change afterwards.

        Args:
            rows: Shape `(n, in_features)`, any floating-point dtype and device.
            target_rows: Outputs wanted for them, shape `(n, out_features)`; given exactly where
                `out_features` was.

        Raises:
            ValueError: Shapes that do not fit, or, once enough rows have come, numbers that are
                not finite.
        """
        _check("rows", rows, self.in_features)
        if (target_rows is None) != (self.out_features is None):
            raise ValueError("target_rows: expected exactly where out_features is given")
        if target_rows is not None:
            _check("target_rows", target_rows, self.out_features or 0)
            if len(target_rows) != len(rows):
                raise ValueError(
                    f"target_rows: expected {len(rows)} rows, one for each of rows, "
                    f"got {len(target_rows)}"
                )
        self._waiting.append((rows.detach().clone(), _copied(target_rows)))
        if sum(len(each) for each, _ in self._waiting) >= _ROWS_AT_ONCE:
            self._flush()

    def merge(self, other: Moments) -> None:
        """Add the rows that another one has seen, as of another process.

        Args:
            other: Moments of the same sizes; it stays as it is.

        Raises:
            ValueError: Other sizes or blocks.
        """
        if (self.bounds, self.out_features) != (other.bounds, other.out_features):
            raise ValueError(
                "expected moments of the same sizes and blocks to merge, got "
                f"{self.in_features} and {other.in_features} inputs, "
                f"{self.out_features} and {other.out_features} outputs"
            )
        self._flush()
        other._flush()
        state = other._count, other._mean, other._sums
        self._join(*state, other._target_mean, other._target_sums, other._cross)

    def of_outputs(self, start: int, stop: int) -> Moments:
        """Give the moments of the same rows beside some of the outputs.

        Args:
            start: The first of these outputs.
            stop: The one after the last.

        Returns:
            Moments that share memory with these: neither is to be updated any more.
        """
        self._flush()
        part = copy(self)
        part.out_features = stop - start
        part._target_mean = self._target_mean[start:stop]
        part._target_sums = self._target_sums[start:stop]
        part._cross = self._cross[start:stop]
        return part

    @property
    def count(self) -> int:
        """Rows seen."""
        self._flush()
        return self._count

    @property
    def mean(self) -> Tensor:
        """Mean of every input, shape `(in_features,)`, float64."""
        self._flush()
        return self._mean

    @property
    def varies(self) -> bool:
        """Whether the rows differ from one another by more than rounding."""
        self._flush()
        spread = sum(float(each.diagonal().sum()) for each in self._sums)
        return spread > _ROUNDING**2 * self._count * float(self._mean.square().sum())

    @property
    def blocks(self) -> list[Tensor]:
        """Centred second moments block by block, each of shape `(size, size)`, float64."""
        self._flush()
        return [each / max(self._count, 1) for each in self._sums]

    @property
    def second(self) -> Tensor:
        """Centred second moments, shape `(in_features, in_features)`; zero between blocks."""
        joined: Tensor = torch.block_diag(*self.blocks)
        return joined

    @property
    def cross(self) -> Tensor | None:
        """`E[(y - E y)(x - E x)^T]`, shape `(out_features, in_features)`; None without targets."""
        self._flush()
        return None if self.out_features is None else self._cross / max(self._count, 1)

    @property
    def target_mean(self) -> Tensor | None:
        """Mean of every output wanted, shape `(out_features,)`; None without targets."""
        self._flush()
        return None if self.out_features is None else self._target_mean

    @property
    def target_variance(self) -> Tensor | None:
        """Variance of every output wanted, shape `(out_features,)`; None without targets."""
        self._flush()
        return None if self.out_features is None else self._target_sums / max(self._count, 1)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        rows, mean = _centred(torch.cat([each for each, _ in waiting]), self._mean.device)
        if not len(rows):
            return
        target_mean, target_sums, cross = self._target_mean, self._target_sums, self._cross
        targets = [each for _, each in waiting if each is not None]
        if targets:
            wanted, target_mean = _centred(torch.cat(targets), self._mean.device)
            target_sums = wanted.double().square().sum(0)
            cross = _product(wanted.to(rows.dtype), rows)
        sums = [_product(rows[:, a:b], rows[:, a:b]) for a, b in self.bounds]
        self._join(len(rows), mean, sums, target_mean, target_sums, cross)

    def _join(
        self,
        count: int,
        mean: Tensor,
        sums: list[Tensor],
        target_mean: Tensor,
        target_sums: Tensor,
        cross: Tensor,
    ) -> None:
        """Chan's update: sums about the common mean, from sums about either part's own."""
        total = self._count + count
        if not total:
            return
        here = self._mean.device
        apart = mean.to(here) - self._mean
        weight = self._count * count / total
        for (a, b), mine, new in zip(self.bounds, self._sums, sums, strict=True):
            mine.add_(new.to(here)).addr_(apart[a:b], apart[a:b], alpha=weight)
        if self.out_features is not None:
            target_apart = target_mean.to(here) - self._target_mean
            self._target_sums += target_sums.to(here) + weight * target_apart.square()
            self._cross.add_(cross.to(here)).addr_(target_apart, apart, alpha=weight)
            self._target_mean += target_apart * (count / total)
        self._mean += apart * (count / total)
        self._count = total


def _check(name: str, rows: Tensor, width: int) -> None:
    if rows.ndim != 2 or rows.shape[1] != width or not rows.is_floating_point():
        raise ValueError(
            f"{name}: expected floating-point rows of shape (n, {width}), "
            f"got {rows.dtype} of shape {tuple(rows.shape)}"
        )


def _copied(rows: Tensor | None) -> Tensor | None:
    return None if rows is None else rows.detach().clone()


def _centred(rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows less their mean, in float32 or wider, and that mean in float64.

    What is left of the mean after rounding is taken off in a second pass.
    """
    rows = rows.to(device)
    wide = rows if rows.dtype == torch.float64 else rows.float()
    shift = wide.mean(0)
    wide = wide - shift
    rest = wide.mean(0, dtype=torch.float64)
    largest = float(wide.abs().amax()) if wide.numel() else 0.0
    if not largest < float("inf"):
        raise ValueError("rows: expected finite numbers, got some that are not")
    if not (largest == 0 or _LEAST < largest < _LARGEST):
        wide = wide.double()
    return wide - rest.to(wide.dtype), shift.double() + rest


def _product(left: Tensor, right: Tensor) -> Tensor:
    with torch.autocast(left.device.type, enabled=False):  # it would round what is multiplied
        product: Tensor = (left.t() @ right).double()
    return product
