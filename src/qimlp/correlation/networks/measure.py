"""One pass of data through a model, measured at every place."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from qimlp.correlation.networks.batches import Data, batches_of, on_device_of
from qimlp.correlation.networks.layers import Place, Stage
from qimlp.correlation.networks.meter import Measured, Meter
from qimlp.correlation.networks.observe import evaluating, observed
from qimlp.correlation.states.map_rows import one_thread_each
from qimlp.correlation.states.pure import Subsystems
from qimlp.statistics import Estimate, Moments

_SMALL = 10**6  # parameters

STAGES: tuple[Stage, Stage] = ("before", "after")


@dataclass(frozen=True)
class MeasureOptions:
    """How to measure.

    Attributes:
        unit: Nats in one unit of the report.
        subsystems: As in `strong_correlation`.
        widest_averaged: Widest layer whose averaged state is computed.
    """

    unit: float = 1.0
    subsystems: Subsystems = "partial_trace"
    widest_averaged: int = 0


@dataclass(frozen=True)
class LayerStep:
    """How C changes between two places, sample by sample.

    Attributes:
        first: Where from.
        second: Where to.
        difference: C at the second place minus C at the first, over samples that have both.
    """

    first: Place
    second: Place
    difference: Estimate


@dataclass
class Pass:
    """What a pass has found.

    Attributes:
        layers: Names of the layers, in order.
        measured: One entry per place, in the order of the layers.
        silent: Places where every output was the zero vector; they are not in `measured`.
        steps: From layer to layer at the same stage, and across each activation.
        samples: Examples that went through the model.
        inputs: The first inputs, as many as were asked for.
        outputs: The rows at every place that belong to them.
    """

    layers: list[str]
    measured: dict[Place, Measured]
    silent: list[Place]
    steps: list[LayerStep]
    samples: int
    inputs: Tensor
    outputs: dict[Place, Tensor] = field(default_factory=dict)


def measure(
    model: nn.Module,
    data: Data,
    layers: Mapping[str, tuple[int, ...]],
    options: MeasureOptions,
    *,
    limit: int | None = None,
    keep: int = 0,
) -> Pass:
    """Stream data through a model and measure its layers' outputs; nothing grows with the data.

    Args:
        model: Any module; run in evaluation mode.
        data: See `batches_of`.
        layers: Module names and bodies.
        options: How to measure.
        limit: Stop after so many examples.
        keep: How many inputs, and rows at every place, to keep.

    Returns:
        The measurements.

    Raises:
        TypeError: If the data is of another kind.
        ValueError: For no data, bodies that do not fit an output, NaN or infinity in one.
    """
    record = _Record(layers, options, keep, torch.get_num_threads())
    inputs_kept: list[Tensor] = []
    samples = 0
    with _threads(model), evaluating(model), observed(model, layers, record.take):
        for inputs, _ in batches_of(data, limit):
            if samples < keep:
                inputs_kept.append(inputs[: keep - samples].clone())
            samples += len(inputs)
            model(on_device_of(model, inputs))
            record.close_batch()
    if samples == 0:
        raise ValueError("data: expected at least one example, got none")
    return Pass(
        layers=list(layers),
        measured=record.measured(),
        silent=record.silent(),
        steps=record.steps(),
        samples=samples,
        inputs=torch.cat(inputs_kept) if inputs_kept else torch.empty(0),
        outputs=record.kept(),
    )


def _threads(model: nn.Module) -> AbstractContextManager[object]:
    """One thread for a small network: several would wait for each other more than they compute."""
    if sum(parameter.numel() for parameter in model.parameters()) < _SMALL:
        return one_thread_each()
    return nullcontext()


class _Record:
    """Meters of all places, and C of the batch that is being computed."""

    def __init__(
        self,
        layers: Mapping[str, tuple[int, ...]],
        options: MeasureOptions,
        keep: int,
        workers: int,
    ) -> None:
        self._workers = workers
        self._layers, self._options, self._keep = layers, options, keep
        self._meters: dict[Place, Meter] = {}
        self._steps: dict[tuple[Place, Place], Moments] = {}
        self._batch: dict[Place, list[Tensor]] = {}
        self._kept: dict[Place, Tensor] = {}
        self._filled: dict[Place, int] = {}

    def take(self, place: Place, output: Tensor) -> None:
        """Measure an output.

        Args:
            place: Where it was read off.
            output: Of shape (*, d).

        Raises:
            ValueError: The place's bodies do not multiply up to d.
        """
        if output.dim() < 1 or output.shape[-1] != prod(place.dims):
            raise ValueError(
                f"layers: expected bodies of {place.layer!r} that multiply up to its output's last "
                f"size, got {place.dims} for an output of shape {tuple(output.shape)}"
            )
        rows = output.detach().reshape(-1, output.shape[-1])
        if place not in self._meters:
            self._meters[place] = Meter(
                place.dims,
                unit=self._options.unit,
                subsystems=self._options.subsystems,
                averaged=prod(place.dims) <= self._options.widest_averaged,
                workers=self._workers,
            )
        strong = self._meters[place].add(rows, str(place))
        self._batch.setdefault(place, []).append(strong)
        self._keep_rows(place, rows)

    def _keep_rows(self, place: Place, rows: Tensor) -> None:
        filled = self._filled.get(place, 0)
        more = rows[: self._keep - filled]
        if len(more) == 0:
            return
        if place not in self._kept:
            self._kept[place] = rows.new_empty(self._keep, rows.shape[-1])
        self._kept[place][filled : filled + len(more)] = more
        self._filled[place] = filled + len(more)

    def kept(self) -> dict[Place, Tensor]:
        """The first rows of every place that had an output that is not zero."""
        return {
            place: rows[: self._filled[place]]
            for place, rows in self._kept.items()
            if self.is_measured(place)
        }

    def close_batch(self) -> None:
        """Pair the batch's values of C between places."""
        values = {place: torch.cat(parts) for place, parts in self._batch.items()}
        self._batch.clear()
        for first, second in _neighbours(list(self._layers.items())):
            if first in values and second in values and len(values[first]) == len(values[second]):
                change = values[second] - values[first]
                moments = self._steps.setdefault((first, second), Moments(1))
                moments.add(change[~change.isnan()].unsqueeze(-1))

    def measured(self) -> dict[Place, Measured]:
        """Results in the order of layers and stages.

        Raises:
            ValueError: If a layer was never called.
        """
        found: dict[Place, Measured] = {}
        for name, dims in self._layers.items():
            places = [Place(name, stage, dims) for stage in STAGES]
            if places[0] not in self._meters:
                raise ValueError(f"layers: the model never called {name!r}; leave it out")
            for place in places:
                if place in self._meters and self.is_measured(place):
                    found[place] = self._meters[place].result()
        return found

    def is_measured(self, place: Place) -> bool:
        """Tell whether a place had an output that is not zero.

        Args:
            place: The place.

        Returns:
            Whether it had.
        """
        return self._meters[place].samples > 0

    def silent(self) -> list[Place]:
        """Places whose outputs were all zero."""
        return [place for place in self._meters if not self.is_measured(place)]

    def steps(self) -> list[LayerStep]:
        """Paired differences, where there were any."""
        return [
            LayerStep(first, second, moments.estimates()[0])
            for (first, second), moments in self._steps.items()
            if moments.count
        ]


def _neighbours(layers: list[tuple[str, tuple[int, ...]]]) -> list[tuple[Place, Place]]:
    """Pairs of places to compare: layer to layer at each stage, then across each activation."""
    pairs = [
        (Place(one[0], stage, one[1]), Place(two[0], stage, two[1]))
        for stage in STAGES
        for one, two in pairwise(layers)
    ]
    return pairs + [(Place(n, "before", d), Place(n, "after", d)) for n, d in layers]
