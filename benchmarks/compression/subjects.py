"""Classic MLPs on images, trained here and kept in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from qimlp.data import load

_DEV_ROWS = 5000
_BATCH = 128


@dataclass(frozen=True)
class Subject:
    """A data set and the MLP for it.

    Attributes:
        data: Name of the data set.
        widths: Of the MLP, inputs and classes among them; GELU between.
        epochs: Of its training.
    """

    data: str
    widths: tuple[int, ...]
    epochs: int

    def network(self) -> nn.Sequential:
        """Make it, with random weights."""
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(self.widths):
            layers += [nn.Linear(inputs, outputs), nn.GELU()]
        return nn.Sequential(*layers[:-1])


SUBJECTS = {
    "mnist": Subject("mnist", (784, 784, 784, 784, 10), 8),
    "cifar10": Subject("cifar10", (3072, 1024, 1024, 1024, 10), 8),
}


@dataclass(frozen=True)
class Images:
    """Standardised images, in float32.

    Attributes:
        train: Inputs of shape (N, features).
        train_labels: Their classes.
        judged: Inputs that accuracy is measured on.
        judged_labels: Their classes.
    """

    train: Tensor
    train_labels: Tensor
    judged: Tensor
    judged_labels: Tensor

    def accuracy(self, network: nn.Module) -> float:
        """Share of `judged` that a network tells right."""
        with torch.no_grad():
            found = torch.cat([network(rows).argmax(dim=1) for rows in self.judged.split(1000)])
        return float((found == self.judged_labels).double().mean())

    def batches(self, seed: int, size: int) -> list[Tensor]:
        """Train images in random order."""
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(seed))
        return [self.train[rows] for rows in order.split(size)]


def images(subject: Subject, *, dev: bool) -> Images:
    """Load a subject's images.

    Args:
        subject: Names the data.
        dev: Whether accuracy is measured on 5,000 train images, which are left out of training,
            and not on the test set: to choose something.

    Returns:
        The images.
    """
    found = load(subject.data)
    train, test = (part.inputs.float().flatten(1) / 255 for part in (found.train, found.test))
    mean, spread = train.mean(), train.std()
    train, test = (train - mean) / spread, (test - mean) / spread
    labels, judged_labels = found.train.labels, found.test.labels
    if not dev:
        return Images(train, labels, test, judged_labels)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    kept, out = order[_DEV_ROWS:], order[:_DEV_ROWS]
    return Images(train[kept], labels[kept], train[out], labels[out])


def trained(subject: Subject, data: Images, seed: int, folder: Path) -> nn.Sequential:
    """Train the MLP, or read the one that was trained before.

    Args:
        subject: The MLP.
        data: Its images.
        seed: Of weights and order.
        folder: Where it is kept.

    Returns:
        The network, in evaluation mode.
    """
    torch.manual_seed(seed)
    network = subject.network()
    path = folder / f"{subject.data}-{len(data.train)}-{subject.epochs}-{seed}.safetensors"
    if path.exists():
        network.load_state_dict(load_file(path))
        return network.eval()
    steps = subject.epochs * (len(data.train) // _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    for _ in range(subject.epochs):
        order = torch.randperm(len(data.train))
        for rows in order.split(_BATCH)[: len(order) // _BATCH]:
            outputs = network(data.train[rows])
            loss = cross_entropy(outputs, data.train_labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), path)
    return network.eval()
