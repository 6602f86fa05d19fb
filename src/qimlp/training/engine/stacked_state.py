"""What several runs that train at once hold: rows, batches, averaged and best weights, rates."""

import copy
from collections.abc import Iterator, Sequence
from math import ceil

import torch
from torch import Tensor, nn

from qimlp.data import DataSet, Scaling, dev_rows, permutation
from qimlp.distributed import ProcessGroup
from qimlp.settings import TrainSettings
from qimlp.training.engine.progress import Progress
from qimlp.training.optim.average import average_decay
from qimlp.training.optim.build import build_schedule
from qimlp.training.steps.stacked import Stack


class Parts:
    """Train, dev and test of every run; rows are gathered and scaled as they are needed."""

    def __init__(self, runs: Sequence[TrainSettings], data: DataSet) -> None:
        self.data = data
        self.train, self.dev, shifts, scales = [], [], [], []
        for run in runs:
            train, dev = dev_rows(
                data.train.labels,
                run.dataset.dev_fraction,
                seed=run.compute.seed,
                by=run.dataset.dev_split,
            )
            scaling = Scaling.fit(
                run.features.scaling, data.train.select(train), data.feature_shape
            )
            repeats = data.in_features // len(scaling.shift)
            self.train.append(train)
            self.dev.append(dev)
            shifts.append(torch.tensor(scaling.shift).repeat_interleave(repeats))
            scales.append(torch.tensor(scaling.scale).repeat_interleave(repeats))
        self.shift, self.scale = torch.stack(shifts)[:, None], torch.stack(scales)[:, None]

    def repeated(self, times: int) -> "Parts":
        """The same for stacks in which every run stands several times in a row."""
        more = copy.copy(self)
        more.train = [rows for rows in self.train for _ in range(times)]
        more.dev = [rows for rows in self.dev for _ in range(times)]
        more.shift = self.shift.repeat_interleave(times, dim=0)
        more.scale = self.scale.repeat_interleave(times, dim=0)
        return more

    def rows(self, part: str, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (runs, batch, features), scaled, and labels (runs, batch)."""
        split = self.data.test if part == "test" else self.data.train
        inputs = split.inputs[rows.flatten()].view(*rows.shape, -1).float()
        return inputs.sub_(self.shift).div_(self.scale), split.labels[rows]


class StackedBatches:
    """The training batches of all runs side by side, each in its own order.

    Args:
        runs: Settings of the runs.
        parts: Their rows.
    """

    def __init__(self, runs: Sequence[TrainSettings], parts: Parts) -> None:
        self._runs, self._parts = runs, parts
        self._batch_size = runs[0].optimisation.batch_size
        self._epoch = 0
        self.num_examples = len(parts.train[0])

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return ceil(self.num_examples / self._batch_size)

    def share(self, step: int) -> float:  # noqa: ARG002 - of the protocol
        """Say that one process has them all; see `Batches`."""
        return 1.0

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch that the next iteration runs through; see `Batches`."""
        if start:
            raise ValueError(f"a stack begins every epoch anew, got a start at batch {start}")
        self._epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over inputs (runs, batch, features) and targets, one row for each run."""
        orders = [
            rows[permutation(len(rows), run.compute.seed, self._epoch)]
            for rows, run in zip(self._parts.train, self._runs, strict=True)
        ]
        for rows in torch.stack(orders).split(self._batch_size, dim=1):
            yield self._parts.rows("train", rows)


class StackedAverage:
    """Exponential moving average of the weights of all runs, as `WeightAverage` has it.

    Args:
        weights: The trained weights, of shape (runs, parameters).
        decay: Limit of the decay.
    """

    def __init__(self, weights: Tensor, decay: float) -> None:
        self.weights = weights.detach().clone()
        self._source = weights.detach()
        self._decay = decay

    def update(self, step: int) -> None:
        """Follow the weights after an optimizer step.

        Args:
            step: Number of steps done before this one.
        """
        self.weights.lerp_(self._source, 1 - average_decay(step, self._decay))


class StackedState:
    """What changes while a stack trains; `train_epoch` drives it as it does a `TrainState`.

    Args:
        networks: One for each run, at its start.
        runs: Settings of the runs.
        steps_per_epoch: Optimizer steps of one epoch.
    """

    schedule = None  # the rates of all steps are known to the step

    def __init__(
        self, networks: Sequence[nn.Module], runs: Sequence[TrainSettings], steps_per_epoch: int
    ) -> None:
        common = runs[0].optimisation
        self.forward = Stack(networks)
        self.processes = ProcessGroup.alone()
        self.steps_per_epoch = steps_per_epoch
        self.average = (
            None
            if common.ema_decay is None
            else StackedAverage(self.forward.weights, common.ema_decay)
        )
        self.progress = Progress(torch.zeros(len(runs), dtype=torch.float64))
        self.best = self.evaluated.clone()

    @property
    def evaluated(self) -> Tensor:
        """Weights that are evaluated and kept, of shape (runs, parameters)."""
        return self.forward.weights.detach() if self.average is None else self.average.weights


def rates_of(runs: Sequence[TrainSettings], steps_per_epoch: int) -> list[Tensor]:
    """Compute the learning rates of all runs.

    Args:
        runs: Settings that differ in seed and peak rate only.
        steps_per_epoch: Optimizer steps of one epoch.

    Returns:
        One tensor of shape (runs, 1) for each step.
    """
    common = runs[0].optimisation
    peaks = torch.tensor([run.optimisation.lr for run in runs])[:, None]
    total = steps_per_epoch * common.epochs
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = build_schedule(optimizer, common, total)
    rates = []
    for _ in range(total):
        rates.append(float(optimizer.param_groups[0]["lr"]) * peaks)
        if schedule is not None:
            optimizer.step()
            schedule.step()
    return rates
