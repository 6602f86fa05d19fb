"""One optimizer step of several runs at once: their parameters as one matrix."""

import copy
from collections.abc import Iterator, Sequence
from math import ceil

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from qimlp.data import DataSet, Scaling, dev_rows, permutation
from qimlp.distributed import ProcessGroup
from qimlp.settings import TrainSettings
from qimlp.tasks import Task
from qimlp.training.engine.progress import Progress
from qimlp.training.optim.average import average_decay
from qimlp.training.optim.build import build_schedule

_EPSILON = 1e-8  # Adam's, as torch has it


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


class Stack:
    """Networks of one shape as one matrix of parameters, a row for each.

    Args:
        networks: One for each run.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._shapes = {name: p.shape for name, p in networks[0].named_parameters()}
        flat = [torch.cat([p.detach().flatten() for p in m.parameters()]) for m in networks]
        self.weights = torch.stack(flat).requires_grad_()
        skeleton = networks[0].to("meta")
        self._forward = vmap(lambda own, x: functional_call(skeleton, own, (x,)))

    def train(self) -> None:
        """Stay as it is: multi-body networks do the same in training and evaluation."""

    def outputs(self, weights: Tensor, inputs: Tensor) -> Tensor:
        """Run all networks.

        Args:
            weights: Of shape (runs, parameters).
            inputs: Of shape (runs, n, features).

        Returns:
            Outputs of shape (runs, n, outputs).
        """
        parts = weights.split([shape.numel() for shape in self._shapes.values()], dim=1)
        named = zip(self._shapes.items(), parts, strict=True)
        stacked = {name: part.unflatten(1, shape) for (name, shape), part in named}
        outputs: Tensor = self._forward(stacked, inputs)
        return outputs


class StackedStep:
    """One optimizer step of all runs at once: Adam with a learning rate for each.

    Args:
        stack: The networks; their weights are changed in place.
        task: Gives the losses.
        rates: Learning rates of shape (runs, 1), one tensor for each step of the training.
        betas: Decay of Adam's averages.
    """

    def __init__(
        self, stack: Stack, task: Task, rates: Sequence[Tensor], betas: tuple[float, float]
    ) -> None:
        self._stack, self._task, self._rates, self._betas = stack, task, rates, betas
        self._first = torch.zeros_like(stack.weights)
        self._second = torch.zeros_like(stack.weights)
        self._step = 0

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Take one step.

        Args:
            inputs: Of shape (runs, n, features).
            targets: One row for each run.

        Returns:
            The losses before the step, of shape (runs,).
        """
        weights = self._stack.weights
        losses = self._task.losses_of_runs(self._stack.outputs(weights, inputs), targets)
        (gradient,) = torch.autograd.grad(losses.sum(), weights)
        self._update(gradient)
        return losses.detach()

    @torch.no_grad()
    def _update(self, gradient: Tensor) -> None:
        """Adam (Kingma and Ba 2015, Algorithm 1)."""
        beta1, beta2 = self._betas
        step = self._step + 1
        self._first.lerp_(gradient, 1 - beta1)
        self._second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = (self._second / (1 - beta2**step)).sqrt_().add_(_EPSILON)
        self._stack.weights -= self._rates[self._step] / (1 - beta1**step) * self._first / scale
        self._step = step


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
