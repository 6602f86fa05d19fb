"""Targets that are numbers: what their zero and their unit are while a network is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from qimlp.tasks.task import Task

if TYPE_CHECKING:
    from typing import Self  # of Python 3.11

_QUARTILES_OF_NORMAL = 1.3489795003921634
"""Distance of the quartiles of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Standardised(Task):
    """Numbers; the epoch with the lowest dev loss is the best.

    The network is trained on standardised targets, and answers in the targets' own units.

    Attributes:
        target_names: Names of the targets, in the order of the outputs.
        shift: What is subtracted from each target.
        scale: What each target is divided by then, greater than 0.
    """

    target_names: tuple[str, ...]
    shift: tuple[float, ...]
    scale: tuple[float, ...]

    class_names: ClassVar[tuple[str, ...]] = ()  # type: ignore[misc]

    @classmethod
    def of(cls, target_names: tuple[str, ...]) -> Self:
        """Describe targets whose scale is not known yet.

        Args:
            target_names: Names of the targets.

        Returns:
            The task; `fitted` learns the scale.
        """
        count = len(target_names)
        return cls(target_names, (0.0,) * count, (1.0,) * count)

    def is_better(self, metrics: Mapping[str, float], than: Sequence[Mapping[str, float]]) -> bool:
        """Say whether the loss is lower than in all epochs before."""
        return all(metrics["loss"] < earlier["loss"] for earlier in than)

    def prepare(self, targets: Tensor) -> Tensor:
        """Standardise targets.

        Args:
            targets: Of shape (n, targets), in their own units, `float64`.

        Returns:
            `float32` of the same shape.
        """
        shift, scale = (torch.tensor(v, dtype=torch.float64) for v in (self.shift, self.scale))
        return ((targets.double() - shift) / scale).float()

    def in_own_units(self, values: Tensor) -> Tensor:
        """Undo `prepare`.

        Args:
            values: Standardised, of shape (n, targets, ...).

        Returns:
            Values of the same shape, `float64` where the device has it.
        """
        precise = torch.float32 if values.device.type == "mps" else torch.float64
        shape = (-1,) + (1,) * (values.dim() - 2)
        shift, scale = (
            torch.tensor(v, dtype=precise, device=values.device).view(shape)
            for v in (self.shift, self.scale)
        )
        return values.to(precise) * scale + shift

    def to_dict(self) -> dict[str, Any]:
        """Give the kind, and names and scale of the targets."""
        return {
            "kind": self.kind,
            "target_names": list(self.target_names),
            "shift": list(self.shift),
            "scale": list(self.scale),
        }


def learn_units(
    targets: Tensor, weights: Tensor | None = None, *, robust: bool = False
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Learn the zero and the unit of each target.

    Args:
        targets: Of the train part, of shape (n, targets), finite.
        weights: How much each example counts, of shape (n,), none negative; whole numbers count
            as that many examples.
        robust: Whether a few large values are not to sway it: the median and, as far apart as a
            standard deviation of a normal distribution, the quartiles; else mean and standard
            deviation.

    Returns:
        Zero and unit of each target; a unit is greater than 0, and 1 for a target that never
        varies. Where the quartiles are one value the unit is the standard deviation.

    Raises:
        ValueError: If no weight is greater than 0, or targets are too large for their spread to be
            computed.
    """
    exact = targets.double()
    counted = None if weights is None else weights.double()
    if counted is not None:
        exact, counted = exact[counted > 0], counted[counted > 0]
        if not len(counted):
            raise ValueError("weights: expected at least one that is greater than 0")
    shift = _mean(exact, counted)
    scale = _mean((exact - shift).square(), counted).sqrt()
    if robust:
        low, shift, high = _quantiles(exact, counted, (0.25, 0.5, 0.75))
        spread = (high - low) / _QUARTILES_OF_NORMAL
        scale = torch.where(spread > 0, spread, scale)
    if not bool(torch.isfinite(scale).all()):
        raise ValueError(
            "targets: expected numbers whose squares are finite, got "
            f"{float(exact.abs().max()):g}; divide them first"
        )
    scale = torch.where(scale > 0, scale, 1.0)
    return tuple(shift.tolist()), tuple(scale.tolist())


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return values.mean(dim=0)
    return (weights / weights.sum()) @ values


def _quantiles(
    values: Tensor, weights: Tensor | None, levels: tuple[float, ...]
) -> tuple[Tensor, ...]:
    """Of each column the least value that has a share of the examples at or below it."""
    ordered, order = values.sort(dim=0)
    counts = torch.ones_like(ordered) if weights is None else weights[order]
    below = counts.cumsum(dim=0)
    places = [(below < level * below[-1]).sum(dim=0, keepdim=True) for level in levels]
    return tuple(ordered.gather(0, place.clamp_max(len(values) - 1))[0] for place in places)
