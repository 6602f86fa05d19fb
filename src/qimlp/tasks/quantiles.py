"""Quantiles of one or several numbers for each example, which never cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from qimlp.tasks.conformal import conformal_margins, with_margins
from qimlp.tasks.linear_models import LinearModel, ridge
from qimlp.tasks.quantile_scores import QuantileSums
from qimlp.tasks.standardised import Standardised, learn_units
from qimlp.tasks.target_scores import MAE, R2
from qimlp.tasks.task import LossOptions, Metric

if TYPE_CHECKING:
    from typing import Self  # of Python 3.11

PINBALL = Metric("pinball", "pinball loss", higher_is_better=False)
COVERAGE = Metric("coverage", "coverage", most=1.0)


@dataclass(frozen=True)
class Quantiles(Standardised):
    """Several quantiles of each target, trained together by the pinball loss.

    An output is the quantile nearest to the median; every other output goes through a softplus and
    is the distance from the quantile next to it towards that one, so that no two cross, whatever
    the network answers. Outputs of zero are quantiles of the normal distribution. As the map keeps
    the order, so do means of outputs over the members of a network.

    Outputs and answers go target by target, the quantiles of each from low to high.

    Attributes:
        quantiles: Levels above 0 and below 1, rising.
        margins: What is added to each quantile of each target, in standardised units; none before
            `calibrated`.
    """

    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)
    margins: tuple[float, ...] = ()

    kind: ClassVar[str] = "quantile-regression"
    combine: ClassVar[str] = "mean"
    metrics: ClassVar[tuple[Metric, ...]] = (PINBALL, COVERAGE, R2, MAE)

    def __post_init__(self) -> None:
        levels = self.quantiles
        if not levels or not 0 < levels[0] <= levels[-1] < 1 or sorted({*levels}) != [*levels]:
            raise ValueError(
                f"quantiles: expected rising numbers above 0 and below 1, got {list(levels)[:9]}"
            )

    @classmethod
    def of(
        cls, target_names: tuple[str, ...], quantiles: Sequence[float] = (0.05, 0.5, 0.95)
    ) -> Self:
        """Describe targets whose scale is not known yet.

        Args:
            target_names: Names of the targets.
            quantiles: Levels above 0 and below 1, rising.

        Returns:
            The task; `fitted` learns the scale.

        Raises:
            ValueError: If the levels are not as described.
        """
        return replace(super().of(target_names), quantiles=tuple(quantiles))

    @property
    def num_outputs(self) -> int:
        """One output for each quantile of each target."""
        return len(self.target_names) * len(self.quantiles)

    @property
    def middle(self) -> int:
        """Place of the quantile nearest to the median."""
        distances = [abs(level - 0.5) for level in self.quantiles]
        return distances.index(min(distances))

    def values(self, outputs: Tensor) -> Tensor:
        """Turn outputs into quantiles.

        Args:
            outputs: Of shape (n, targets * quantiles).

        Returns:
            Standardised values of shape (n, targets, quantiles), none less than the one before.
        """
        found = list(outputs.unflatten(1, (-1, len(self.quantiles))).unbind(-1))
        gaps, middle = _gaps_of_normal(self.quantiles), self.middle
        for place in range(middle + 1, len(found)):
            found[place] = found[place - 1] + softplus(found[place] + gaps[place - 1])
        for place in reversed(range(middle)):
            found[place] = found[place + 1] - softplus(found[place] + gaps[place])
        values = torch.stack(found, dim=-1)
        return with_margins(values, self.margins, middle) if self.margins else values

    def calibrated(self, answers: Tensor, targets: Tensor) -> Quantiles:
        """Move the quantiles to where they hold on examples that were not learned from.

        Conformal quantiles (Romano, Patterson and Candes 2019), each tail by itself: on new
        examples of the same kind at least the share that the levels say lies between the outer
        two, provided that `n + 1` times the share outside is at least 1 on either side. The middle
        quantile stays where it is.

        Args:
            answers: From `answers`, of shape (n, targets * quantiles), on the CPU.
            targets: What came true, of shape (n, targets), in their own units.

        Returns:
            The task with `margins`.
        """
        values = answers.double().unflatten(1, (-1, len(self.quantiles)))
        more = conformal_margins(values, targets.double(), self.quantiles, self.middle)
        more /= torch.tensor(self.scale, dtype=torch.float64).unsqueeze(1)
        before = self.margins or (0.0,) * self.num_outputs
        margins = tuple(a + b for a, b in zip(before, more.flatten().tolist(), strict=True))
        return replace(self, margins=margins)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the pinball loss: its mean over examples, targets and quantiles.

        Args:
            outputs: Of shape (n, targets * quantiles).
            targets: Of shape (n, targets), standardised.

        Returns:
            The loss, 0-d.
        """
        return self.pinball(self.values(outputs), targets).mean()

    def pinball(self, values: Tensor, targets: Tensor) -> Tensor:
        """Compute the pinball loss of each quantile (Koenker and Bassett 1978).

        Args:
            values: Quantiles of shape (n, targets, quantiles).
            targets: Of shape (n, targets).

        Returns:
            Of the shape of `values`: `level` times what a target is above its quantile, and
            `1 - level` times what it is below.
        """
        over = values - targets.unsqueeze(-1)
        parts = zip(over.unbind(-1), self.quantiles, strict=True)
        return torch.stack([part.relu() - level * part for part, level in parts], dim=-1)

    def tally(self, device: torch.device) -> QuantileSums:
        """Begin an evaluation; see `Task.tally`."""
        return QuantileSums(self, device)

    def fitted(
        self, targets: Tensor, options: LossOptions, weights: Tensor | None = None
    ) -> Quantiles:
        """Learn median and spread of each target; see `learn_units`.

        Args:
            targets: Of the train part, of shape (n, targets), `float64`.
            options: What the user chose.
            weights: How much each example counts, of shape (n,).

        Returns:
            The task to train with.

        Raises:
            ValueError: If an option is set: the pinball loss has none.
        """
        if options.label_smoothing or options.balanced or options.huber:
            raise ValueError(
                "quantiles are learned by the pinball loss: leave label_smoothing, class_weights "
                "and loss huber out"
            )
        shift, scale = learn_units(targets, weights, robust=True)
        return replace(self, shift=shift, scale=scale)

    def plain(self) -> Quantiles:
        """Give the task as it is."""
        return self

    def fit_linear(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        penalty: float,
        model: LinearModel,
        intercept: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Fit ridge regression for the middle quantile; the others keep their distance from it.

        See `Task.fit_linear`.
        """
        if model != "ridge":
            raise ValueError(f"a {model} tells classes apart: expected ridge for quantiles")
        rows, bias = ridge(inputs, targets.to(inputs.dtype), penalty, intercept=intercept)
        places = torch.arange(self.middle, self.num_outputs, len(self.quantiles))
        weight = rows.new_zeros(self.num_outputs, rows.shape[1])
        weight[places] = rows
        if bias is None:
            return weight, None
        return weight, rows.new_zeros(self.num_outputs).index_copy(0, places, bias)

    def sharpness(self, outputs: Tensor, targets: Tensor) -> float:  # noqa: ARG002 - of the protocol
        """Give 1: the linear model answers in the network's own units."""
        return 1.0

    def answers(self, outputs: Tensor) -> Tensor:
        """Turn outputs into quantiles in the targets' own units.

        Args:
            outputs: Of shape (n, targets * quantiles).

        Returns:
            Of the same shape, `float64` where the device has it: target by target, from low to
            high.
        """
        return self.in_own_units(self.values(outputs)).flatten(1)

    def decide(self, answers: Tensor) -> NDArray[Any]:
        """Give the median, or the quantile nearest to it.

        Args:
            answers: Values of shape (n, targets * quantiles), on the CPU.

        Returns:
            Numbers of shape (n,) for one target, (n, targets) for several.
        """
        values: NDArray[Any] = answers[:, self.middle :: len(self.quantiles)].numpy()
        return values[:, 0] if values.shape[1] == 1 else values

    def columns(self, answers: Tensor) -> dict[str, list[object]]:
        """Write a column for each quantile of each target, such as `price q0.05`.

        Args:
            answers: Values of shape (n, targets * quantiles), on the CPU.

        Returns:
            The columns.
        """
        names = [f"{name} q{level}" for name in self.target_names for level in self.quantiles]
        pairs = zip(names, answers.unbind(dim=1), strict=True)
        return {name: column.tolist() for name, column in pairs}

    def to_dict(self) -> dict[str, Any]:
        """Give the kind, names and scale of the targets, levels and margins."""
        levels = {"quantiles": list(self.quantiles), "margins": list(self.margins)}
        return {**super().to_dict(), **levels}


def _gaps_of_normal(levels: tuple[float, ...]) -> list[float]:
    """What has a softplus as large as the distance of neighbours in a normal distribution."""
    normal = NormalDist()
    distances = [normal.inv_cdf(high) - normal.inv_cdf(low) for low, high in pairwise(levels)]
    return [float(torch.tensor(d, dtype=torch.float64).expm1().log()) for d in distances]
