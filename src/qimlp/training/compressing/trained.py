"""A run, or a saved predictor, to compress."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from qimlp.files import printable, shown
from qimlp.models import CompressedNetwork, Pretrained
from qimlp.nn import dense_class
from qimlp.predictor import Predictor
from qimlp.training.compressing.request import CompressionRequest
from qimlp.training.compressing.subject import Subject
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.load import TrainedRun, load_trained

_SAMPLES = 10_000

_INSTEAD = {
    "table": "train one with smaller --dims, --embedding-dim or --members",
    "qimlp": "train one with smaller --dims or --rank",
    "compressed": "compress the original by another ratio",
}
"""What to do in place of compressing a network of a kind that has no dense layers."""


@dataclass(frozen=True, kw_only=True)
class TrainedSubject(Subject):
    """A trained network that answers.

    Attributes:
        predictor: What it belongs to.
        data: The run's own data; None where there is no run.
    """

    kind: ClassVar[str] = "trained"

    predictor: Predictor
    data: TrainingData | None = None

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Judge a network on dev and test: the task's main metric."""
        if self.data is None:
            return {}
        predictor = replace(self.predictor, network=network)
        metric = predictor.task.main_metric
        parts = {"dev": self.data.dev_batches, "test": self.data.test_batches}
        return {
            f"{part} {metric.title}": predictor.evaluate_batches(
                batches(predictor.processes)
            ).metrics[metric.name]
            for part, batches in parts.items()
        }

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write it as `Predictor.save` does."""
        if not isinstance(network, Pretrained):
            raise TypeError(f"expected a network of qimlp.models, got {type(network).__name__}")
        replace(self.predictor, network=CompressedNetwork.of(network)).save(folder)


def open_trained(path: Path, request: CompressionRequest) -> TrainedSubject:
    """Load a run or a saved predictor with its calibration data.

    Args:
        path: A run folder, or that of a saved predictor.
        request: What is asked for.

    Returns:
        What is compressed.

    Raises:
        FileNotFoundError: If there is none, or its data is gone.
        ValueError: If the network has no dense layer, a file is damaged, or the data has changed
            or does not fit.
    """
    predictor, run = load_trained(path, device=request.device, data_dir=request.data_dir)
    _require_dense(predictor.network, path)
    data = None if run is None else _own_data(run)
    given: dict[str, Any] = {"name": str(path), "network": predictor.network}
    given |= {"predictor": predictor, "data": data}
    samples = request.samples or _SAMPLES
    source = request.calibration
    if run is not None and data is not None and (source is None or run.is_own(source)):
        batches = data.train_batches(predictor.processes)
        calibration, count = _first(batches, samples)
        where = f"{count:,} examples of the train part of {printable(run.settings.dataset.data)}"
        note = () if source is not None else (f"calibrated on {where}",)
        return TrainedSubject(
            **given, calibration=calibration, calibrated_on=where, tuning=batches, notes=note
        )
    if source is None:
        return TrainedSubject(**given)
    found = run.read_inputs(source) if run is not None else predictor.read(source)
    inputs = found.inputs[:samples]
    calibration = tuple(predictor.batches(inputs))
    part = "" if found.part is None else f"the {found.part} part of "
    return TrainedSubject(
        **given,
        calibration=calibration,
        calibrated_on=f"{len(inputs):,} examples of {part}{shown(source)}",
        tuning=calibration,
        notes=found.notes,
    )


def _require_dense(network: nn.Module, path: Path) -> None:
    if any(dense_class(module) is not None for module in network.modules()):
        return
    kind = str(getattr(network, "kind", type(network).__name__))
    instead = _INSTEAD.get(kind)
    raise ValueError(
        f"{printable(str(path))}: expected a network with dense layers, got one of kind "
        f"{kind}, whose layers are small Kronecker layers already"
        f"{f'; {instead}' if instead else ''}, or compress a classic network (--model mlp)"
    )


def _own_data(run: TrainedRun) -> TrainingData:
    data = TrainingData(run.settings, order=run.predictor.features.order)
    data.require_same(run.fingerprint)
    return data


def _first(batches: Iterable[tuple[Any, Any]], samples: int) -> tuple[tuple[Any, ...], int]:
    """Batches of the first examples, as many as are wanted and no more."""
    kept: list[Any] = []
    count = 0
    for inputs, _ in islice(batches, samples):
        kept.append(inputs[: samples - count].clone())
        count += len(kept[-1])
        if count >= samples:
            break
    return tuple(kept), count
