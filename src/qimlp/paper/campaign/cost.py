"""How long a cell will take, roughly, and how many seeds it gets for that."""

from collections.abc import Iterable
from functools import cache
from statistics import median

from qimlp.paper.campaign.summary import Summaries, Summary
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.paper.cells.counts import count_network

_TRAIN_EXAMPLES = {"mnist": 60_000, "cifar10": 50_000, "20newsgroups": 11_314, "imdb": 25_000}
_START_S = 10.0  # data, and a process of its own
_STEP_S = 0.0015  # what a step costs whatever the network
_FLOPS = 5e10  # of one core
_UPDATE_S = 4e-9  # per parameter: optimizer and average
_TEXT_S = 0.036  # one review of 128 tokens through an encoder of six layers, 384 wide
_EVALUATION = 1.15  # dev and test after every epoch, beside the training steps

CHEAP_S = 600.0
"""A run that takes less gets five seeds, any other three."""


class Costs:
    """Times of cells: measured where a cell was run, else guessed and scaled by what was.

    Args:
        found: Summaries of all variants that are asked for.
    """

    def __init__(self, found: Summaries) -> None:
        self._measured = {
            name: seconds
            for name, summary in found.items()
            if (seconds := _training_seconds(summary)) is not None
        }
        self._ratios = [
            (found[name].variant, seconds / _guessed_training(found[name].variant))
            for name, seconds in self._measured.items()
        ]

    def seconds(self, variant: Variant) -> float:
        """Time of one cell on one core, evaluation included.

        Args:
            variant: The variant.

        Returns:
            Seconds.

        Raises:
            ValueError: If the data set is not one of the paper's.
        """
        training = self._measured.get(variant.name)
        if training is None:
            training = _guessed_training(variant) * self._ratio(variant)
        return _START_S + _EVALUATION * training

    def seeds(self, variant: Variant) -> int:
        """Seeds that a variant is to have: fewer where a run is long.

        Args:
            variant: The variant; its `seeds` are the most.

        Returns:
            The number.
        """
        return min(variant.seeds, 5 if self.seconds(variant) < CHEAP_S else 3)

    def _ratio(self, variant: Variant) -> float:
        """Of measured and guessed times on the nearest cells that were run."""
        if variant.changes.get("finetune"):  # the encoder's time, which no other cell tells of
            return 1.0
        dense = _is_dense(variant)
        near: Iterable[list[float]] = (
            [r for v, r in self._ratios if v.data == variant.data and _is_dense(v) == dense],
            [r for v, r in self._ratios if _is_dense(v) == dense],
            [r for _, r in self._ratios],
        )
        return next((median(ratios) for ratios in near if ratios), 1.0)


def duration(seconds: float) -> str:
    """Write a time for a person.

    Args:
        seconds: The time.

    Returns:
        Text such as `45 s`, `12 min` or `1.7 h`.
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"


def _training_seconds(summary: Summary) -> float | None:
    times = [entry.seconds for entry in summary.entries if entry.seconds is not None]
    return median(times) if times else None


@cache
def _guessed_training(variant: Variant) -> float:
    count = count_network(variant)
    if count is None:
        raise ValueError(f"expected a data set of the paper, got {variant.data!r}")
    settings = Cell(variant, 0).settings()
    dev, optimisation = settings.dataset.dev_fraction, settings.optimisation
    examples = _TRAIN_EXAMPLES[variant.data] * (1 - dev)
    steps = optimisation.epochs * examples / optimisation.batch_size
    flops = 6 * optimisation.batch_size * count.multiply_adds
    step = _STEP_S + flops / _FLOPS + _UPDATE_S * count.parameters
    tuned_texts = _TRAIN_EXAMPLES["imdb"] if settings.features.finetune else 0
    tuning = optimisation.epochs * _TEXT_S * tuned_texts
    # Forward and backward on the train part; then dev, and a test set of the size of both.
    passes = 3 * (1 - dev) + dev + 1
    return steps * step + tuning * passes


def _is_dense(variant: Variant) -> bool:
    return "mlp" in variant.network
