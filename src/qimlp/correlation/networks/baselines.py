"""What the network's strong correlation is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from qimlp.correlation.networks.chance import (
    page_entropy,
    permute_across_bodies,
    random_vectors,
    shuffle_between_samples,
)
from qimlp.correlation.networks.layers import Place, check_model, hidden_layers
from qimlp.correlation.networks.measure import MeasureOptions, Pass, measure
from qimlp.correlation.networks.meter import Measured, Meter
from qimlp.correlation.networks.report import Baseline
from qimlp.statistics import Estimate, estimate

Layers = Mapping[str, tuple[int, ...]]


def of_features(found: Pass, options: MeasureOptions, seed: int) -> dict[Place, list[Baseline]]:
    """Baselines made from the outputs themselves, and random vectors.

    Args:
        found: A pass that kept outputs.
        options: How to measure.
        seed: Of shuffles and random vectors.

    Returns:
        `shuffled`, `permuted` and `random` for every place.
    """
    generator = torch.Generator().manual_seed(seed)
    result = {}
    random_of: dict[tuple[int, ...], list[Baseline]] = {}
    for place, rows in found.outputs.items():
        if place.dims not in random_of:
            vectors = random_vectors(len(rows), rows.shape[-1], generator)
            page = [
                page_entropy(place.dims, body) / options.unit for body in range(len(place.dims))
            ]
            random_of[place.dims] = _of_rows("random", vectors, place, options, page)
        result[place] = [
            *_of_rows("shuffled", shuffle_between_samples(rows, generator), place, options),
            *_of_rows("permuted", permute_across_bodies(rows, generator), place, options),
            *random_of[place.dims],
        ]
    return result


def of_networks(
    name: str,
    networks: Iterable[nn.Module],
    count: int,
    layers: Layers,
    found: Pass,
    options: MeasureOptions,
) -> dict[Place, Baseline]:
    """A baseline from other networks, each seeing another part of the kept inputs.

    Args:
        name: Of the baseline.
        networks: Asked for one after the other; each is done with before the next is drawn.
        count: How many there are.
        layers: Their layers, in the order of those of `found`.
        found: A pass that kept inputs.
        options: How to measure.

    Returns:
        One baseline for each place that the networks have; intervals are over the networks where
        there are several, else over the samples.
    """
    parts = torch.tensor_split(found.inputs, count)
    passes = [
        measure(network, inputs, layers, options).measured
        for network, inputs in zip(networks, parts, strict=True)
        if len(inputs)
    ]
    theirs = dict(zip(found.layers, layers, strict=True))
    result = {}
    for place in found.measured:
        same = Place(theirs[place.layer], place.stage, place.dims)
        measured = [one[same] for one in passes if same in one]
        if measured:
            result[place] = _of_several(name, measured)
    return result


def control_layers(control: nn.Module, layers: Layers) -> dict[str, tuple[int, ...]]:
    """Give another network's hidden layers the bodies of the network that it is compared with.

    Args:
        control: A module with `nn.Linear` or `KroneckerLinear` layers.
        layers: The other network's layers and bodies.

    Returns:
        The control's hidden layers and bodies, in order.

    Raises:
        TypeError: If `control` is no module or `layers` no mapping.
        ValueError: If it has other widths, or weights on the meta device.
    """
    check_model("control", control)
    if not isinstance(layers, Mapping):
        raise TypeError(
            f"layers: expected a mapping of names to bodies, got a {type(layers).__name__}"
        )
    found = hidden_layers(control)
    widths = [prod(dims) for dims in layers.values()]
    own = [module.out_features for module in found.values()]
    if own != widths:
        raise ValueError(
            f"control: expected hidden linear layers of the widths {widths}, got {own}"
        )
    return dict(zip(found, layers.values(), strict=True))


def is_classic(control: nn.Module) -> bool:
    """Tell whether all hidden layers of a network are `nn.Linear`.

    Args:
        control: The network.

    Returns:
        Whether they are.
    """
    return all(isinstance(module, nn.Linear) for module in hidden_layers(control).values())


def _of_rows(
    name: str, rows: Tensor, place: Place, options: MeasureOptions, page: list[float] | None = None
) -> list[Baseline]:
    """One baseline, or none where every row is zero."""
    meter = Meter(place.dims, unit=options.unit, subsystems=options.subsystems)
    meter.add(rows, f"{place}, {name}")
    return [_of_one(name, meter.result(), page)] if meter.samples else []


def _of_one(name: str, measured: Measured, page: list[float] | None = None) -> Baseline:
    return Baseline(
        name=name,
        strong=measured.strong,
        total=measured.total,
        mixture=measured.mixture,
        bodies=measured.bodies,
        effective_rank=measured.effective_rank,
        share_above=measured.share_above,
        samples=measured.samples,
        page=page,
    )


def _of_several(name: str, measured: Sequence[Measured]) -> Baseline:
    if len(measured) == 1:
        return _of_one(name, measured[0])

    def over(values: Sequence[Estimate]) -> Estimate:
        return estimate([value.mean for value in values])

    return Baseline(
        name=name,
        strong=over([m.strong for m in measured]),
        total=over([m.total for m in measured]),
        mixture=over([m.mixture for m in measured]),
        bodies=[over(list(body)) for body in zip(*(m.bodies for m in measured), strict=True)],
        effective_rank=over([m.effective_rank for m in measured]),
        share_above=over([m.share_above for m in measured]),
        samples=sum(m.samples for m in measured),
        draws=len(measured),
    )
