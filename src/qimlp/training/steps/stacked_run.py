"""The parameters of several runs as one matrix: data, steps, choice by dev, results."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from qimlp.data import DataSet, Scaling, dev_rows, permutation
from qimlp.settings import TrainSettings
from qimlp.training.engine.errors import NonFiniteLossError
from qimlp.training.optim.average import average_decay
from qimlp.training.optim.build import build_schedule

_EVALUATION_BATCH = 1000
_EPSILON = 1e-8  # Adam's, as torch has it


@dataclass(frozen=True)
class StackedRun:
    """One run of a stack.

    Attributes:
        settings: Its settings.
        history: Per epoch ``train_loss``, ``dev_loss``, ``dev_accuracy`` and, with `watch_test`,
            ``test_accuracy``.
        best_epoch: The epoch whose weights were kept, from 1.
        test_accuracy: Of these weights, the test set read once.
        parameters: Parameters of the network.
        steps_per_epoch: Optimizer steps of an epoch.
    """

    settings: TrainSettings
    history: dict[str, list[float]]
    best_epoch: int
    test_accuracy: float
    parameters: int
    steps_per_epoch: int


class Parts:
    """Train, dev and test of every run; rows are gathered and scaled as they are needed."""

    def __init__(self, runs: Sequence[TrainSettings], data: DataSet) -> None:
        self.data = data
        self.train, self.dev, shifts, scales = [], [], [], []
        for run in runs:
            train, dev = dev_rows(
                data.train.labels, run.dev_fraction, seed=run.seed, by=run.dev_split
            )
            scaling = Scaling.fit(run.scaling, data.train.select(train), data.feature_shape)
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


class Stack:
    """Parameters of all runs as one matrix, with everything that follows them."""

    def __init__(
        self, models: Sequence[nn.Module], runs: Sequence[TrainSettings], parts: Parts
    ) -> None:
        self._runs, self._parts, self._common = runs, parts, runs[0]
        self._shapes = {name: p.shape for name, p in models[0].named_parameters()}
        flat = [torch.cat([p.detach().flatten() for p in m.parameters()]) for m in models]
        self._weights = torch.stack(flat).requires_grad_()
        self._average = self._weights.detach().clone()
        self._first = torch.zeros_like(self._average)
        self._second = torch.zeros_like(self._average)
        self._best = self._average.clone()
        names = ["train_loss", "dev_loss", "dev_accuracy"]
        names += ["test_accuracy"] if self._common.watch_test else []
        self._histories: list[dict[str, list[float]]] = [{name: [] for name in names} for _ in runs]
        skeleton = models[0].to("meta")
        self._forward = vmap(lambda own, x: functional_call(skeleton, own, (x,)))
        self._step = 0
        self._steps_per_epoch = -(-len(parts.train[0]) // self._common.batch_size)
        rates = torch.tensor([run.lr for run in runs])[:, None]
        self._rates = [rate * rates for rate in self._schedule()]

    def _schedule(self) -> list[float]:
        """The learning rate of every step as a part of the peak."""
        total = self._steps_per_epoch * self._common.epochs
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = build_schedule(optimizer, self._common, total)
        if schedule is None:
            return [1.0] * total
        rates = []
        for _ in range(total):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            schedule.step()
        return rates

    def _logits(self, weights: Tensor, inputs: Tensor) -> Tensor:
        parts = weights.split([shape.numel() for shape in self._shapes.values()], dim=1)
        named = zip(self._shapes.items(), parts, strict=True)
        stacked = {name: part.unflatten(1, shape) for (name, shape), part in named}
        logits: Tensor = self._forward(stacked, inputs)
        return logits

    def train_epoch(self, epoch: int) -> None:
        """Train all runs for one epoch, each in its own order."""
        total = torch.zeros(len(self._runs), dtype=torch.float64)
        orders = [
            rows[permutation(len(rows), run.seed, epoch)]
            for rows, run in zip(self._parts.train, self._runs, strict=True)
        ]
        for rows in torch.stack(orders).split(self._common.batch_size, dim=1):
            inputs, labels = self._parts.rows("train", rows)
            logits = self._logits(self._weights, inputs)
            losses = _losses(logits, labels, self._common.label_smoothing)
            (gradient,) = torch.autograd.grad(losses.sum(), self._weights)
            total += losses.detach()
            self._update(gradient)
        self._note("train_loss", (total / self._steps_per_epoch).tolist())
        if not bool(total.isfinite().all()):
            raise NonFiniteLossError(f"the training loss of a stacked run in epoch {epoch + 1}")

    @torch.no_grad()
    def _update(self, gradient: Tensor) -> None:
        """Adam (Kingma and Ba 2015, Algorithm 1), with a rate per run; then the average."""
        beta1, beta2 = self._common.betas
        step = self._step + 1
        self._first.lerp_(gradient, 1 - beta1)
        self._second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = (self._second / (1 - beta2**step)).sqrt_().add_(_EPSILON)
        self._weights -= self._rates[self._step] / (1 - beta1**step) * self._first / scale
        if self._common.ema_decay is not None:
            decay = average_decay(self._step, self._common.ema_decay)
            self._average.lerp_(self._weights, 1 - decay)
        self._step = step

    @property
    def _evaluated(self) -> Tensor:
        return self._weights.detach() if self._common.ema_decay is None else self._average

    @torch.inference_mode()
    def _evaluate(self, weights: Tensor, part: str) -> tuple[list[float], list[float]]:
        """Accuracy and mean loss of every run."""
        if part == "dev":
            rows = torch.stack(self._parts.dev)
        else:
            rows = torch.arange(len(self._parts.data.test)).expand(len(self._runs), -1)
        correct = torch.zeros(len(self._runs), dtype=torch.int64)
        loss = torch.zeros(len(self._runs), dtype=torch.float64)
        for chosen in rows.split(_EVALUATION_BATCH, dim=1):
            inputs, labels = self._parts.rows(part, chosen)
            logits = self._logits(weights, inputs)
            correct += (logits.argmax(dim=2) == labels).sum(dim=1)
            loss += _losses(logits, labels, 0.0) * chosen.shape[1]
        count = rows.shape[1]
        return [hits / count for hits in correct.tolist()], (loss / count).tolist()

    def _note(self, name: str, values: Sequence[float]) -> None:
        for history, value in zip(self._histories, values, strict=True):
            history[name].append(value)

    def choose(self) -> None:
        """Evaluate on dev; keep the weights of every run that is better than before."""
        accuracies, losses = self._evaluate(self._evaluated, "dev")
        for run, accuracy in enumerate(accuracies):
            if accuracy > max(self._histories[run]["dev_accuracy"], default=-1.0):
                self._best[run] = self._evaluated[run]
        self._note("dev_accuracy", accuracies)
        self._note("dev_loss", losses)
        if self._common.watch_test:
            self._note("test_accuracy", self._evaluate(self._evaluated, "test")[0])

    def lowest_loss(self, group: int) -> Tensor:
        """Weights of the run of every `group` runs with the lowest train loss in the last epoch."""
        losses = torch.tensor([history["train_loss"][-1] for history in self._histories])
        best = losses.view(-1, group).argmin(dim=1)
        chosen: Tensor = self._weights.detach()[best + group * torch.arange(len(best))]
        return chosen

    def results(self) -> list[StackedRun]:
        """Read the test set, once, with the best weights."""
        test, _ = self._evaluate(self._best, "test")
        return [
            StackedRun(
                settings=run,
                history=history,
                best_epoch=_best_epoch(history["dev_accuracy"]),
                test_accuracy=accuracy,
                parameters=self._weights.shape[1],
                steps_per_epoch=self._steps_per_epoch,
            )
            for run, history, accuracy in zip(self._runs, self._histories, test, strict=True)
        ]


def _losses(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """(runs, batch, classes) and (runs, batch) to the mean loss of every run."""
    flat = cross_entropy(
        logits.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=smoothing
    )
    return flat.view(labels.shape).mean(dim=1)


def _best_epoch(curve: list[float]) -> int:
    return curve.index(max(curve)) + 1
