"""How long a cell will take, roughly: for the order of the cells and the time left."""

import math
from itertools import pairwise

from qimlp.experiments.cell import Variant
from qimlp.shapes import PAPER_WIDTHS
from qimlp.training.settings import TrainSettings, resolve_settings

_TRAIN_EXAMPLES = {"mnist": 60_000, "cifar10": 50_000, "20newsgroups": 11_314, "imdb": 25_000}
_STEP_S = 0.0015  # what a step costs whatever the network
_FLOPS = 5e10  # of one core
_UPDATE_S = 4e-9  # per parameter: optimizer and average
_TEXT_S = 0.036  # one review of 128 tokens through an encoder of six layers, 384 wide


def estimated_seconds(variant: Variant) -> float:
    """Guess how long one cell of a variant takes on one core.

    Args:
        variant: The variant.

    Returns:
        Seconds.
    """
    settings = resolve_settings(
        {"data": variant.data, "recipe": variant.column, **variant.changes}, source=variant.name
    )
    examples = _TRAIN_EXAMPLES[variant.data] * (1 - settings.dev_fraction)
    steps = settings.epochs * examples / settings.batch_size
    multiply_adds, parameters = _work(settings, PAPER_WIDTHS[variant.data])
    step = _STEP_S + 6 * settings.batch_size * multiply_adds / _FLOPS + _UPDATE_S * parameters
    tuning = settings.epochs * _TEXT_S * _TRAIN_EXAMPLES["imdb"] if settings.finetune else 0.0
    # Forward and backward on the train part; then dev, and a test set of the size of both.
    passes = 3 * (1 - settings.dev_fraction) + settings.dev_fraction + 1
    return 10.0 + steps * step + tuning * passes


def _work(settings: TrainSettings, widths: tuple[int, ...]) -> tuple[float, float]:
    """Multiply-adds per example and parameters, both roughly."""
    if settings.dims is not None:
        widths = tuple(math.prod(layer) for layer in settings.dims)
    dense = float(sum(a * b for a, b in pairwise(widths)))
    if settings.kind == "mlp":
        return dense, dense
    if settings.kind == "low-rank":
        thin = float(settings.rank * 2 * sum(widths))
        return thin, thin
    bodies = int(settings.model[0])
    one_mode = [settings.rank * width ** (1 + 1 / bodies) * bodies for width in widths[:-1]]
    return sum(one_mode), 0.0
