"""Several runs of one network trained as one batched program.

A step of a small network is mostly the cost of starting its operations. Runs that differ in seed
and learning rate only have equal shapes, so their parameters are stacked, one vectorised forward
pass serves all, and one update follows. Data order, start, schedule, average and choice by dev are
those of `qimlp.training.fit`; numbers agree with it up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from qimlp.data import DataSet, TextDataSet
from qimlp.models import Pretrained
from qimlp.predictor import build_network, learn_features, sizes_for
from qimlp.settings import TrainSettings
from qimlp.tasks import LossOptions, Task
from qimlp.training.engine.events import EpochDone
from qimlp.training.engine.loop import train_epoch
from qimlp.training.engine.progress import is_best
from qimlp.training.engine.restarts import draw_restarts, short_run
from qimlp.training.engine.stacked_state import Parts, StackedBatches, StackedState, rates_of
from qimlp.training.steps.stacked import StackedStep

_EVALUATION_BATCH = 1000
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
    made = _features(common, data)
    sizes = sizes_for(common, made)
    parts = Parts(runs, made)
    task = _shared_task(runs, parts)
    with torch.random.fork_rng([]):
        networks = _start(runs, sizes, parts, task)
    stack = _Stacked(networks, runs, parts, task)
    for epoch in range(common.optimisation.epochs):
        stack.train_epoch()
        stack.end_epoch()
        if on_progress is not None:
            on_progress((epoch + 1) / common.optimisation.epochs)
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
    optimisation, features, compute = settings.optimisation, settings.features, settings.compute
    plain = optimisation.weight_decay == 0 and optimisation.factor_lr_scale == 0
    frozen = features.text == "encoder" and not features.finetune
    # An order that is learned differs from seed to seed.
    ready = (features.text is None or frozen) and features.order not in {"spectral", "grid"}
    exact = compute.dtype == "float32" and compute.mixed_precision == "no"
    drawn = settings.network.warm_start == "random" and optimisation.optimizer == "adamw"
    return settings.kind == "qimlp" and plain and ready and exact and drawn


def _shared_task(runs: Sequence[TrainSettings], parts: Parts) -> Task:
    """The task of all runs, where none learns something of its own from its train part."""
    common = runs[0].optimisation
    options = LossOptions(common.label_smoothing, common.class_weights == "balanced")
    data = parts.data
    tasks = [data.task.fitted(data.train.labels[rows], options) for rows in parts.train]
    if any(task != tasks[0] for task in tasks):
        raise ValueError(
            "a stack has one loss for all runs, and here each run's depends on its own train part; "
            "train these runs one after the other"
        )
    return tasks[0]


def _start(
    runs: Sequence[TrainSettings], sizes: list[tuple[int, ...]], parts: Parts, task: Task
) -> list[Pretrained]:
    """Networks of all runs at their start: where starts are compared, the best of each run's."""
    networks: list[Pretrained] = []
    restarts: list[Pretrained] = []
    count = runs[0].network.restarts
    for settings in runs:
        draw = partial(build_network, settings.network, sizes)
        torch.manual_seed(settings.compute.seed)
        first = draw()
        networks.append(first)
        restarts += draw_restarts(count, first, draw)
    if restarts:
        changes = dict(short_run(runs[0].optimisation, runs[0].network.restart_epochs))
        del changes["lr"]
        short = [run.replace(**changes, restarts=1) for run in runs for _ in range(count)]
        stack = _Stacked(restarts, short, parts.repeated(count), task)
        for _ in range(short[0].optimisation.epochs):
            stack.train_epoch()
        for network, weights in zip(networks, stack.lowest_loss(count), strict=True):
            vector_to_parameters(weights, network.parameters())
    return networks


def _features(settings: TrainSettings, data: DataSet | TextDataSet) -> DataSet:
    made, _ = learn_features(settings, data)
    if not isinstance(made, DataSet):
        raise TypeError(f"expected data in memory, got {type(made).__name__}")
    return made


@dataclass(frozen=True)
class StackedRun:
    """One run of a stack.

    Attributes:
        settings: Its settings.
        epochs: Its epochs, each with its evaluation.
        test: Loss and metrics of the best epoch's weights, the test set read once.
        parameters: Parameters of the network.
        steps_per_epoch: Optimizer steps of an epoch.
    """

    settings: TrainSettings
    epochs: list[EpochDone]
    test: dict[str, float]
    parameters: int
    steps_per_epoch: int

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept, from 1."""
        return [epoch.epoch for epoch in self.epochs if epoch.best][-1]


class _Stacked:
    """Networks that train together, and the epochs of each."""

    def __init__(
        self,
        networks: Sequence[nn.Module],
        runs: Sequence[TrainSettings],
        parts: Parts,
        task: Task,
    ) -> None:
        self._runs, self._parts, self._task = runs, parts, task
        self._plain = task.plain()
        self._common = runs[0]
        self._batches = StackedBatches(runs, parts)
        self._state = StackedState(networks, runs, len(self._batches))
        rates = rates_of(runs, len(self._batches))
        betas = self._common.optimisation.betas
        self._take = StackedStep(self._state.forward, task, rates, betas)
        self._epochs: list[list[EpochDone]] = [[] for _ in runs]
        self._lr = [float(rate.max()) for rate in rates]

    def train_epoch(self) -> None:
        """Train all runs for one epoch."""
        self._state.progress.loss_sum.zero_()
        train_epoch(
            self._state,
            self._batches,
            self._take,
            batch_size=self._common.optimisation.batch_size,
            log_every=self._common.compute.log_every,
            should_stop=lambda: False,
            on_steps=lambda _: None,
        )

    def end_epoch(self) -> None:
        """Evaluate on dev; keep the weights of every run that is better than before."""
        evaluated, step = self._state.evaluated, self._state.progress.step
        dev = self._evaluate(evaluated, "dev")
        watched = self._common.compute.watch_test
        test = self._evaluate(evaluated, "test") if watched else [None] * len(dev)
        losses = (self._state.progress.loss_sum / self._state.steps_per_epoch).tolist()
        for run, epochs in enumerate(self._epochs):
            best = is_best(self._task, self._common.optimisation.ties, dev[run], epochs)
            if best:
                self._state.best[run] = evaluated[run]
            epochs.append(
                EpochDone(
                    epoch=len(epochs) + 1,
                    step=step,
                    train_loss=losses[run],
                    dev=dev[run],
                    lr=self._lr[step - 1],
                    best=best,
                    test=test[run],
                )
            )

    def lowest_loss(self, group: int) -> Tensor:
        """Weights of the run of every `group` runs with the lowest train loss in the last epoch."""
        losses = (self._state.progress.loss_sum / self._state.steps_per_epoch).float()
        best = losses.view(-1, group).argmin(dim=1)
        chosen = best + group * torch.arange(len(best))
        return self._state.forward.weights.detach()[chosen]

    def results(self) -> list[StackedRun]:
        """Read the test set, once, with the best weights."""
        test = self._evaluate(self._state.best, "test")
        return [
            StackedRun(
                settings=run,
                epochs=epochs,
                test=reached,
                parameters=self._state.best.shape[1],
                steps_per_epoch=self._state.steps_per_epoch,
            )
            for run, epochs, reached in zip(self._runs, self._epochs, test, strict=True)
        ]

    @torch.inference_mode()
    def _evaluate(self, weights: Tensor, part: str) -> list[dict[str, float]]:
        """Loss and metrics of every run."""
        if part == "dev":
            rows = torch.stack(self._parts.dev)
        else:
            rows = torch.arange(len(self._parts.data.test)).expand(len(self._runs), -1)
        tallies = [self._plain.tally(weights.device) for _ in self._runs]
        loss = torch.zeros(len(self._runs), dtype=torch.float64)
        for chosen in rows.split(_EVALUATION_BATCH, dim=1):
            inputs, targets = self._parts.rows(part, chosen)
            outputs = self._state.forward.outputs(weights, inputs)
            for tally, own, wanted in zip(tallies, outputs, targets, strict=True):
                tally.add(own, wanted)
            loss += self._plain.losses_of_runs(outputs, targets) * chosen.shape[1]
        # The loss as training has it, of all runs in one call.
        return [
            {**tally.evaluation(tally.sums()).metrics, "loss": value / rows.shape[1]}
            for tally, value in zip(tallies, loss.tolist(), strict=True)
        ]
