"""Several runs of one network trained as one batched program.

A step of a small network is mostly the cost of starting its operations. Runs that differ in seed
and learning rate only have equal shapes, so their parameters are stacked, one vectorised forward
pass serves all, and one update follows. Data order, start, schedule, average and choice by dev are
those of `qimlp.training.fit`; numbers agree with it up to rounding.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn.utils import vector_to_parameters

from qimlp.data import DataSet, TextDataSet
from qimlp.predictor import build_network, layer_sizes, learn_features
from qimlp.settings import TrainSettings
from qimlp.training.engine.restarts import more_starts, short_run
from qimlp.training.steps.stacked_run import Parts, Stack, StackedRun

_SHARED = ("seed", "lr")


def fit_stacked(
    runs: Sequence[TrainSettings],
    data: DataSet | TextDataSet,
    on_progress: Callable[[float], None] | None = None,
) -> list[StackedRun]:
    """Train runs that differ in seed and learning rate only.

    Args:
        runs: Their settings: multi-body networks, no weight decay, float32.
        data: The data, in memory; of texts a frozen encoder's features are made, or read, first.
        on_progress: Called after every epoch with the done part, from 0 to 1.

    Returns:
        One result per run, in order.

    Raises:
        ValueError: If the runs differ in more, or ask for what a stack cannot do.
        NonFiniteLossError: If the loss of a run is not finite.
    """
    _check(runs)
    common = runs[0]
    data = _features(common, data)
    sizes = layer_sizes(common, in_features=data.in_features, num_classes=data.num_classes)
    parts = Parts(runs, data)
    with torch.random.fork_rng([]):
        models = _start(runs, sizes, parts)
    stack = Stack(models, runs, parts)
    for epoch in range(common.epochs):
        stack.train_epoch(epoch)
        stack.choose()
        if on_progress is not None:
            on_progress((epoch + 1) / common.epochs)
    return stack.results()


def _check(runs: Sequence[TrainSettings]) -> None:
    if not runs:
        raise ValueError("expected at least one run")
    rest = [run.model_dump(exclude=set(_SHARED)) for run in runs]
    for values in rest[1:]:
        differing = sorted(name for name, value in values.items() if value != rest[0][name])
        if differing:
            raise ValueError(
                f"runs of a stack may differ in {' and '.join(_SHARED)} only, these differ in "
                f"{', '.join(differing)}; train them one after the other"
            )
    if not can_be_stacked(runs[0]):
        raise ValueError(
            "a stack trains multi-body networks from random factors, without weight decay and with "
            "one learning rate per network; train these runs one after the other"
        )


def can_be_stacked(settings: TrainSettings) -> bool:
    """Whether a run can be trained in a stack.

    Args:
        settings: Of the run.

    Returns:
        True for multi-body networks under AdamW without weight decay and with one learning rate,
        float32, from random factors, on features that no seed changes: those of data as it is, or
        of a frozen encoder.
    """
    plain = settings.weight_decay == 0 and settings.factor_lr_scale == 0
    made = settings.text is None or (settings.text == "encoder" and not settings.finetune)
    ready = made and settings.order != "spectral"  # one order for all seeds
    exact = settings.dtype == "float32" and settings.mixed_precision == "no"
    drawn = settings.start == "random" and settings.optimizer == "adamw"
    return settings.kind == "qimlp" and plain and ready and exact and drawn


def _start(
    runs: Sequence[TrainSettings], sizes: list[tuple[int, ...]], parts: Parts
) -> list[nn.Module]:
    """Networks of all runs at their start: where starts are compared, the best of each run's."""
    models: list[nn.Module] = []
    starts: list[nn.Module] = []
    for settings in runs:
        draw = partial(build_network, settings, sizes)
        torch.manual_seed(settings.seed)
        first = draw()
        models.append(first)
        starts += more_starts(settings, first, draw)
    if starts:
        count = runs[0].starts
        short = [short_run(run) for run in runs for _ in range(count)]
        stack = Stack(starts, short, parts.repeated(count))
        for epoch in range(short[0].epochs):
            stack.train_epoch(epoch)
        for model, weights in zip(models, stack.lowest_loss(count), strict=True):
            vector_to_parameters(weights, model.parameters())
    return models


def _features(settings: TrainSettings, data: DataSet | TextDataSet) -> DataSet:
    made, _ = learn_features(settings, data)
    if not isinstance(made, DataSet):
        raise TypeError(f"expected data in memory, got {type(made).__name__}")
    return made
