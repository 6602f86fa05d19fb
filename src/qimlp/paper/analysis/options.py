"""What to do with each run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qimlp.correlation import Subsystems


@dataclass(frozen=True)
class StudyOptions:
    """How runs are analysed.

    Attributes:
        samples: Test examples to look at; None for all.
        baselines: Whether to compute baselines.
        baseline_samples: How many of the test examples they see.
        control: Run folder of a trained network to compare with; None for the classic MLP beside
            the run, where there is one.
        dims: Bodies of every hidden layer of a network without Kronecker layers.
        subsystems: As in `strong_correlation`.
        base: Of the logarithm; None for nats.
        truncation_samples: Examples for the accuracy of cut networks; 0 leaves that out.
        device: As in training.
        data_dir: Folder of named data, where it is not the run's own.
        seed: Of shuffles, random vectors and untrained networks.
    """

    samples: int | None = None
    baselines: bool = True
    baseline_samples: int = 500
    control: Path | None = None
    dims: tuple[int, ...] | None = None
    subsystems: Subsystems = "partial_trace"
    base: float | None = None
    truncation_samples: int = 2000
    device: str = "auto"
    data_dir: str | None = None
    seed: int = 0
