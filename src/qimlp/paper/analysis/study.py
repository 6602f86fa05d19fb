"""One run: the report, accuracy under cuts, and what happened over training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from qimlp.correlation import (
    Bodies,
    CorrelationReport,
    LayerReport,
    TruncationCurve,
    analyze,
    hidden_layers,
    truncation_curves,
)
from qimlp.data import Batches
from qimlp.models import load_pretrained
from qimlp.nn import KroneckerLinear
from qimlp.paper.analysis.control import load_control
from qimlp.paper.analysis.options import StudyOptions
from qimlp.paper.analysis.runs import RunData, find_checkpoints
from qimlp.shapes import factorizations, format_dims
from qimlp.statistics import Estimate
from qimlp.training import RunFolder, TrainedRun, load_run

_EPOCH_SAMPLES = 1000


@dataclass(frozen=True)
class Epochs:
    """Mean C over training, on part of the test set.

    Attributes:
        numbers: Epochs that were kept.
        strong: For each layer one estimate per epoch, after the activation where it has one.
    """

    numbers: list[int]
    strong: dict[str, list[Estimate]]


@dataclass(frozen=True)
class RunStudy:
    """What was found about one run.

    Attributes:
        run: The run folder.
        data: Name of its data.
        network: Name of its network.
        seed: Its seed.
        accuracy: On the test set, None while the run is not complete.
        control: Run folder of the network it was compared with, if any.
        report: Of its layers.
        truncation: Accuracy against rank, one curve per layer; may be empty.
        epochs: Over training, where checkpoints were kept.
    """

    run: Path
    data: str
    network: str
    seed: int
    accuracy: float | None
    control: Path | None
    report: CorrelationReport
    truncation: list[TruncationCurve]
    epochs: Epochs | None

    @property
    def title(self) -> str:
        """Data, network and seed in one line."""
        return f"{self.data}, {self.network}, seed {self.seed}"

    def more(self) -> dict[str, Any]:
        """Everything but the report, as plain values."""
        return {
            "run": str(self.run),
            "data": self.data,
            "network": self.network,
            "seed": self.seed,
            "accuracy": self.accuracy,
            "control": None if self.control is None else str(self.control),
            "truncation": [asdict(curve) for curve in self.truncation],
            "epochs": None if self.epochs is None else asdict(self.epochs),
        }


def study_run(run: Path, options: StudyOptions, data: RunData | None = None) -> RunStudy:
    """Analyse one run on its test set.

    Args:
        run: A run folder.
        options: What to do.
        data: Test data shared with other runs.

    Returns:
        The study.

    Raises:
        FileNotFoundError: If there is no such run or control, or its data is gone.
        ValueError: If the data has changed, the control does not fit, or the network has no
            layers with bodies.
    """
    trained = load_run(run, device=options.device, data_dir=options.data_dir)
    batches = (data or RunData()).batches(trained)
    layers = _layers(run, trained.model, options)
    report, where = _report(run, trained, batches, layers, options)
    curves = []
    if options.truncation_samples:
        limit = min(options.truncation_samples, options.samples or options.truncation_samples)
        curves = truncation_curves(
            trained.model, batches, layers=layers, max_samples=limit, seed=options.seed
        )
    result = RunFolder(run).read_result()
    return RunStudy(
        run=run,
        data=trained.settings.data_name,
        network=trained.settings.label,
        seed=trained.settings.compute.seed,
        accuracy=None if result is None else result.test["accuracy"],
        control=where,
        report=report,
        truncation=curves,
        epochs=_over_epochs(run, trained, batches, layers, options),
    )


def _report(
    run: Path, trained: TrainedRun, batches: Batches, layers: Bodies | None, options: StudyOptions
) -> tuple[CorrelationReport, Path | None]:
    """The report, and the control's run folder; the control, which may be large, is let go of."""
    beside = None
    if options.baselines:
        beside = load_control(run, trained, layers, options.control, options.device)
    where, control = (None, None) if beside is None else beside
    report = analyze(
        trained.model,
        batches,
        layers=layers,
        control=control,
        baselines=options.baselines,
        baseline_samples=options.baseline_samples,
        max_samples=options.samples,
        subsystems=options.subsystems,
        base=options.base,
        seed=options.seed,
    )
    return report, where


def last_stage(report: CorrelationReport) -> dict[str, LayerReport]:
    """Take each layer once, after the activation where it has one.

    Args:
        report: The report.

    Returns:
        The layers by name.
    """
    return {layer.place.layer: layer for layer in report.layers}


def _layers(run: Path, model: nn.Module, options: StudyOptions) -> Bodies | None:
    """The bodies that the user names; None for the layers' own.

    Raises:
        ValueError: If the layers have none and the user names none.
    """
    hidden = hidden_layers(model)
    if options.dims is not None:
        return dict.fromkeys(hidden, options.dims)
    if any(isinstance(one, KroneckerLinear) and one.num_factors > 1 for one in hidden.values()):
        return None
    widths = sorted({layer.out_features for layer in hidden.values()})
    if not widths:
        raise ValueError(f"{run}: the network has no hidden layer, so there is nothing to analyse")
    if len(widths) > 1:
        raise ValueError(
            f"{run}: the hidden layers of this network have no bodies of their own, and --dims "
            f"names those of one width where it has {', '.join(map(str, widths))}; analyse a "
            "network of one hidden width"
        )
    bodies = factorizations(widths[0], 2, 1)[0]
    if min(bodies) == 1:
        raise ValueError(
            f"{run}: the hidden layers of this network have no bodies of their own, and their "
            f"{widths[0]} features cannot be split into several"
        )
    raise ValueError(
        f"{run}: the hidden layers of this network have no bodies of their own; say how their "
        f"{widths[0]} features are split, such as --dims {format_dims(bodies)}"
    )


def _over_epochs(
    run: Path,
    trained: TrainedRun,
    batches: Batches,
    layers: Bodies | None,
    options: StudyOptions,
) -> Epochs | None:
    kept = find_checkpoints(run)
    if not kept:
        return None
    strong: dict[str, list[Estimate]] = {}
    for folder in kept.values():
        report = analyze(
            load_pretrained(folder).to(trained.processes.device),
            batches,
            layers=layers,
            baselines=False,
            max_samples=min(_EPOCH_SAMPLES, options.samples or _EPOCH_SAMPLES),
            subsystems=options.subsystems,
            base=options.base,
            widest_averaged=0,
        )
        for name, layer in last_stage(report).items():
            strong.setdefault(name, []).append(layer.measured.strong)
    return Epochs(list(kept), strong)
