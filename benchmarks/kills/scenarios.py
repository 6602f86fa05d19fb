"""The trainings that are killed: small, and of every kind that writes something of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.kills.children import Child, Forked, Launched

OUT = "runs"
_ROWS = 600


@dataclass(frozen=True)
class Scenario:
    """One training.

    Attributes:
        name: For options and tables.
        options: What stands behind the data on the command line of `qimlp train`.
        data: Name of the data file.
        launch: Starts a command.
    """

    name: str
    options: tuple[str, ...]
    data: str = "points.npz"
    launch: Callable[[Sequence[str], Path], Child] = Forked

    def start(self, data: Path) -> list[str]:
        """Return the arguments of the command that begins.

        Args:
            data: Folder of the data.
        """
        common = ["--device", "cpu", "--log-every", "7", "--out", OUT]
        return ["train", str(data / self.data), *self.options, *common]


SCENARIOS = (
    Scenario("2b", ("--model", "2b", "--epochs", "12", "--batch-size", "10")),
    Scenario(
        "table",
        ("--label-column", "kind", "--model", "table", "--members", "2", "--steps", "240"),
        data="table.csv",
    ),
    Scenario(
        "experiment",
        (
            "--model",
            "2b",
            "--model",
            "mlp",
            "--seeds",
            "0,1",
            "--epochs",
            "3",
            "--batch-size",
            "20",
        ),
    ),
    Scenario("checkpoints", ("--epochs", "12", "--batch-size", "10", "--keep-last", "2")),
    Scenario("restarts", ("--restarts", "3", "--epochs", "4", "--batch-size", "10")),
    Scenario("processes", ("--epochs", "40", "--batch-size", "20"), launch=Launched),
)


def write_data(folder: Path) -> None:
    """Write the data of all scenarios.

    Args:
        folder: Where to.
    """
    random = np.random.default_rng(0)
    labels = np.arange(_ROWS) % 3
    points = (random.normal(size=(3, 36))[labels] + random.normal(size=(_ROWS, 36))).astype("f4")
    np.savez(folder / "points.npz", x=points, y=labels)
    lines = ["height,weight,colour,kind"]
    for (height, weight), label in zip(points[:, :2], labels, strict=True):
        colour = ("red", "green", "blue")[random.integers(3) if random.random() < 0.3 else label]
        lines.append(f"{height:.4f},{weight:.4f},{colour},{('a', 'b', 'c')[label]}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
