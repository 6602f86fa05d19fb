"""Networks that run in torch here: who stands beside whom, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.export.comparison.data import Array, Part
from qimlp.models import MLP, LowRankMLP, QiMLP


@dataclass(frozen=True)
class Candidate:
    """A network to choose: its `family`, its name, and how to make it."""

    family: str
    name: str
    make: Callable[[], nn.Module]

    @property
    def parameters(self) -> int:
        """Numbers to learn: bytes, once in int8."""
        return sum(parameter.numel() for parameter in self.make().parameters())


def kronecker(dims: Sequence[tuple[int, ...]], rank: int = 1) -> Candidate:
    """Make a QiMLP with layers of the given dims."""
    name = " -> ".join("x".join(map(str, sizes)) for sizes in dims) + f", rank {rank}"
    return Candidate("QiMLP", name, lambda: QiMLP(dims, rank=rank))


def narrow(*widths: int) -> Candidate:
    """Make an MLP that is narrow enough."""
    name = "-".join(map(str, widths))
    return Candidate("narrow MLP", name, lambda: MLP(widths, dropout=0.0))


def same_flash(*widths: int) -> Candidate:
    """Make an MLP of the QiMLP's flash: its C is shorter, so that it may have more weights."""
    return replace(narrow(*widths), family="narrow MLP, same flash")


def low_rank(rank: int, *widths: int) -> Candidate:
    """Make an MLP of low-rank layers."""
    name = "-".join(map(str, widths)) + f", rank {rank}"
    return Candidate("low-rank MLP", name, lambda: LowRankMLP(widths, rank=rank))


def classic(*widths: int) -> Candidate:
    """Make an MLP as wide as the QiMLP, or wider: to see what size buys."""
    return Candidate("classic MLP", narrow(*widths).name, lambda: MLP(widths, dropout=0.0))


class Cnn(nn.Sequential):
    """Convolutions of 3 (x 3) with ReLU, the mean over what is left, and one dense layer."""

    def __init__(
        self, shape: tuple[int, ...], channels: Sequence[int], strides: Sequence[int], classes: int
    ) -> None:
        flat = len(shape) == 2  # channels and a line; else channels and a picture
        layers: list[nn.Module] = [nn.Unflatten(1, shape)]
        ins = shape[0]
        for outs, stride in zip(channels, strides, strict=True):
            convolution = (nn.Conv1d if flat else nn.Conv2d)(ins, outs, 3, stride, 1)
            layers += [convolution, nn.ReLU()]
            ins = outs
        layers += [nn.AdaptiveAvgPool1d(1) if flat else nn.AdaptiveAvgPool2d(1)]
        super().__init__(*layers, nn.Flatten(), nn.Linear(ins, classes))


def cnn(
    shape: tuple[int, ...],
    channels: Sequence[int],
    strides: Sequence[int],
    classes: int,
    family: str = "CNN",
) -> Candidate:
    """Make a small CNN."""
    name = f"{len(channels)} layers of {', '.join(map(str, channels))} channels"
    return Candidate(family, name, lambda: Cnn(shape, channels, strides, classes))


@dataclass(frozen=True)
class Training:
    """How long, with which highest learning rate, on how many examples a step."""

    epochs: int
    lr: float
    batch: int


@dataclass(frozen=True)
class Trained:
    """A network and the scaling of its inputs, `(x - shift) / scale`."""

    network: nn.Module
    shift: Array
    scale: Array

    def accuracy(self, part: Part) -> float:
        """Share of a part that it tells right, with weights as they are."""
        x, labels = self.inputs(part.rows), torch.from_numpy(part.labels)
        with torch.no_grad():
            found = torch.cat([self.network(rows).argmax(dim=1) for rows in x.split(1000)])
        return float((found == labels).double().mean())

    def round_(self) -> None:
        """Round every tensor of weights to 255 steps, as int8 holds them."""
        with torch.no_grad():
            for parameter in self.network.parameters():
                step = parameter.abs().amax().clamp(min=1e-12) / 127
                parameter.copy_((parameter / step).round() * step)

    def inputs(self, rows: Array) -> Tensor:
        """Scale raw rows of shape (N, features)."""
        return torch.from_numpy(((rows - self.shift) / self.scale).astype(np.float32))


def train(candidate: Candidate, part: Part, how: Training, seed: int) -> Trained:
    """Train a network: AdamW and one cycle of the learning rate.

    Args:
        candidate: The network.
        part: What it learns on.
        how: Epochs, learning rate and batch.
        seed: Of weights and order.

    Returns:
        The network, in evaluation mode.
    """
    torch.manual_seed(seed)
    found = Trained(candidate.make(), *scaling(part))
    x, labels = found.inputs(part.rows), torch.from_numpy(part.labels)
    steps = len(x) // how.batch
    optimizer = torch.optim.AdamW(found.network.parameters(), weight_decay=0.01)
    total = how.epochs * steps
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.lr, total_steps=total)
    for _ in range(how.epochs):
        for rows in torch.randperm(len(x)).split(how.batch)[:steps]:
            loss = cross_entropy(found.network(x[rows]), labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    found.network.eval()
    return found


def scaling(part: Part) -> tuple[Array, Array]:
    """Shift and scale that give inputs mean 0 and deviation 1; pixels are scaled alike."""
    axis = None if part.rows.dtype == np.uint8 else 0
    shift, spread = part.rows.mean(axis), np.maximum(part.rows.std(axis), 1e-6)
    return np.atleast_1d(shift), np.atleast_1d(spread)
