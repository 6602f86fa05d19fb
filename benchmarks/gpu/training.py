"""The time and the memory of the paper's MNIST training on a GPU, plain and captured.

The paper reports 312 s for the two-body network and 296 s for the classic MLP (20 epochs, batch
50). Both networks train here on random images of MNIST's number and size, already on the device,
in the same run: the times do not depend on what the images show.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

import qimlp
from benchmarks import report
from qimlp.bench.formatting import seconds
from qimlp.bench.implementations import OURS
from qimlp.bench.training_step import MLP
from qimlp.shapes import PAPER_NETWORKS, PAPER_WIDTHS
from qimlp.training.steps.captured import CapturedStep

_IMAGES = 48_000  # 8 of 10 of the official training set
_BATCH = 50
_HEADER = ("network", "step", "training", "per step", "peak memory", "wanted", "")

TakeStep = Callable[[Tensor, Tensor], object]


@dataclass(frozen=True)
class Trained:
    """One training; `peak_bytes` is the allocator's peak without the images."""

    network: str
    step: str
    seconds: float
    steps: int
    peak_bytes: int
    verdict: str

    def fields(self) -> dict[str, Any]:
        """The row as the JSON file holds it."""
        return asdict(self)


def measure(device: torch.device, epochs: int) -> list[Trained]:
    """Train both networks for `epochs`, with plain steps and with captured ones."""
    images = torch.randn(_IMAGES, 784, device=device)
    labels = torch.randint(10, (_IMAGES,), device=device)
    rows: list[Trained] = []
    for kind in ("plain", "captured"):
        mlp = _train(MLP, kind, images, labels, epochs)
        ours = _train(OURS, kind, images, labels, epochs)
        met = ours.seconds < mlp.seconds and ours.peak_bytes < mlp.peak_bytes
        rows += [Trained(**{**asdict(ours), "verdict": report.verdict(met)}), mlp]
    return rows


def print_rows(rows: list[Trained], epochs: int) -> None:
    """Print the table."""
    print(f"MNIST training, {epochs} epochs, batch {_BATCH}, float32, fused AdamW\n")
    cells = [
        [
            row.network,
            row.step,
            seconds(row.seconds),
            seconds(row.seconds / row.steps),
            f"{row.peak_bytes / 2**20:.1f} MiB",
            f"faster and smaller than {MLP}" if row.verdict else "-",
            row.verdict,
        ]
        for row in rows
    ]
    report.print_table(_HEADER, cells)


def _train(network: str, kind: str, images: Tensor, labels: Tensor, epochs: int) -> Trained:
    torch.manual_seed(0)
    device = images.device
    # cuBLAS keeps room for each stream it was called on: each training pays for its own.
    torch._C._cuda_clearCublasWorkspaces()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    model = _build(network).to(device).train()
    take = _step(model, kind)
    count = len(images) // _BATCH
    take(images[:_BATCH], labels[:_BATCH])  # what the first step sets up is not timed
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(count * _BATCH, device=device).view(count, _BATCH)
        for batch in order:
            take(images[batch], labels[batch])
    torch.cuda.synchronize(device)
    seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated(device) - before
    return Trained(network, kind, seconds, epochs * count, peak, "")


def _build(network: str) -> nn.Module:
    if network == MLP:
        return qimlp.MLP([*PAPER_WIDTHS["mnist"]], activation="gelu")
    return qimlp.QiMLP([*PAPER_NETWORKS["mnist"][2]], activation="gelu")


def _step(model: nn.Module, kind: str) -> TakeStep:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def compute_loss(inputs: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(model(inputs), labels)

    def plain(inputs: Tensor, labels: Tensor) -> None:
        compute_loss(inputs, labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return CapturedStep(model, optimizer, compute_loss) if kind == "captured" else plain
