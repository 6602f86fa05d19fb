"""Strong correlation of every layer of a model, with its baselines."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from math import prod

import torch
from torch import nn

from qimlp.correlation.networks.answers import compare, in_words
from qimlp.correlation.networks.baselines import (
    control_layers,
    is_classic,
    of_features,
    of_networks,
)
from qimlp.correlation.networks.batches import Data
from qimlp.correlation.networks.layers import Bodies, Place, check_model, choose_layers
from qimlp.correlation.networks.measure import MeasureOptions, Pass, measure
from qimlp.correlation.networks.redraw import obstacle_to_redrawing, untrained
from qimlp.correlation.networks.report import BASELINES, Baseline, CorrelationReport, LayerReport
from qimlp.correlation.states.arguments import check_base, check_seed
from qimlp.correlation.states.averaged import WIDEST
from qimlp.correlation.states.measures import check_subsystems
from qimlp.correlation.states.pure import Subsystems
from qimlp.models import MLP
from qimlp.shapes import as_size

DRAWS = 5  # untrained networks; each sees a part of the kept inputs

_CAVEAT = (
    "Intervals are over samples of this one trained network; what another seed would give they do "
    "not say. Compare several runs for that."
)


def analyze(
    model: nn.Module,
    data: Data,
    *,
    layers: Bodies | None = None,
    control: nn.Module | None = None,
    untrained_networks: Sequence[nn.Module] | None = None,
    baselines: bool = True,
    baseline_samples: int = 500,
    max_samples: int | None = None,
    subsystems: Subsystems = "partial_trace",
    base: float | None = None,
    widest_averaged: int = WIDEST,
    seed: int = 0,
) -> CorrelationReport:
    """Measure the strong correlation of a model's layers on data (Zhang et al., AAAI-25, RQ3).

    The data is streamed once: memory does not depend on its size. Each layer is measured before and
    after its activation. Outputs that are zero in every feature have no direction: they are
    excluded, and counted in `zero_vectors`. All axes of an output but the last count samples.

    Args:
        model: Any module; it is run in evaluation mode and left as it was.
        data: Inputs `(n, ...)`, or an iterable of batches: tensors or `(inputs, labels)` pairs.
        layers: Module names and the bodies of their outputs, as in `{"fc1": (28, 28)}`. By default
            every `KroneckerLinear` but the last, with its own bodies.
        control: A trained network whose hidden `nn.Linear` or `KroneckerLinear` layers have the
            same widths, such as a classic `MLP`; without it an untrained `MLP` stands in.
        untrained_networks: Untrained networks of the same shape; by default copies drawn anew.
        baselines: Whether to compute baselines.
        baseline_samples: How many samples they see, at least 2.
        max_samples: Stop after so many examples, at least 1; all without it.
        subsystems: Which states the bodies are taken to be in, see `strong_correlation`.
        base: Of the logarithm; nats without one, 2 for bits.
        widest_averaged: The averaged state is computed for layers of up to so many features; it
            takes the square of that in numbers.
        seed: Of shuffles, random vectors and untrained networks.

    Returns:
        The report.

    Raises:
        TypeError: If the model, data or sizes are of another kind.
        ValueError: For no layer or no data, bodies that do not fit, NaN or infinity in an output,
            nothing but zeros in all outputs, a control of other widths.
    """
    _check_models(model, control, untrained_networks)
    check_seed(seed)
    as_size("widest_averaged", widest_averaged, least=0)
    unit = check_base(base)
    check_subsystems(subsystems)
    limit = None if max_samples is None else as_size("max_samples", max_samples)
    if as_size("baseline_samples", baseline_samples) < 2:
        raise ValueError(f"baseline_samples: expected at least 2, got {baseline_samples}")
    chosen = choose_layers(model, layers)
    options = MeasureOptions(unit, subsystems, widest_averaged)
    keep = baseline_samples if baselines else 0
    found = measure(model, data, chosen, options, limit=limit, keep=keep)
    if not found.measured:
        raise ValueError("data: every output of every layer is the zero vector; nothing to measure")
    notes = _notes(found, widest_averaged)
    compared: dict[Place, list[Baseline]] = {place: [] for place in found.measured}
    if baselines:
        plain = MeasureOptions(unit, subsystems)
        compared = _baselines(model, found, chosen, plain, control, untrained_networks, seed, notes)
        notes.append(_CAVEAT)
    reports = [
        LayerReport(
            place, measured, compared[place], [compare(measured.strong, b) for b in compared[place]]
        )
        for place, measured in found.measured.items()
    ]
    report = CorrelationReport(base, subsystems, found.samples, reports, found.steps, [], notes)
    report.answers.extend(in_words(reports, found.steps, report.unit))
    return report


def _check_models(
    model: nn.Module, control: nn.Module | None, untrained: Sequence[nn.Module] | None
) -> None:
    check_model("model", model)
    if control is not None:
        check_model("control", control)
    if untrained is None:
        return
    if not isinstance(untrained, (Sequence, nn.ModuleList)):
        raise TypeError(
            f"untrained_networks: expected a list of modules, got a {type(untrained).__name__}"
        )
    if not untrained:
        raise ValueError("untrained_networks: expected at least one, got none; leave it out")
    for network in untrained:
        check_model("untrained_networks", network)


def _baselines(
    model: nn.Module,
    found: Pass,
    chosen: dict[str, tuple[int, ...]],
    options: MeasureOptions,
    control: nn.Module | None,
    given: Sequence[nn.Module] | None,
    seed: int,
    notes: list[str],
) -> dict[Place, list[Baseline]]:
    lists = of_features(found, options, seed)
    groups = []
    if given is not None:
        groups.append(of_networks("untrained", given, len(given), chosen, found, options))
    elif (obstacle := obstacle_to_redrawing(model)) is not None:
        notes.append(f"No untrained network: {obstacle}")
    else:
        draws = untrained(deepcopy(model), seed, DRAWS)
        groups.append(of_networks("untrained", draws, DRAWS, chosen, found, options))
    if control is not None:
        layers = control_layers(control, chosen)
        name = "mlp" if is_classic(control) else "control"
        groups.append(of_networks(name, [control], 1, layers, found, options))
    elif found.inputs.dim() == 2:
        groups.append(_untrained_mlp(model, found, chosen, options, seed))
        notes.append("No trained classic MLP was given; an untrained one stands in for it.")
    else:
        notes.append("No classic MLP: the inputs are not vectors; give one as control.")
    order = list(BASELINES)
    for place, items in lists.items():
        items += [group[place] for group in groups if place in group]
        items.sort(key=lambda baseline: order.index(baseline.name))
    return lists


def _untrained_mlp(
    model: nn.Module,
    found: Pass,
    chosen: dict[str, tuple[int, ...]],
    options: MeasureOptions,
    seed: int,
) -> dict[Place, Baseline]:
    widths = [found.inputs.shape[-1], *(prod(dims) for dims in chosen.values())]
    like = next(model.parameters())
    with torch.device("meta"):
        network = MLP([*widths, 2], dropout=0.0, dtype=like.dtype)
    network = network.to_empty(device=like.device)
    layers = control_layers(network, chosen)
    draws = untrained(network, seed, DRAWS)
    return of_networks("untrained_mlp", draws, DRAWS, layers, found, options)


def _notes(found: Pass, widest: int) -> list[str]:
    notes = [
        f"{place}: {measured.zero_vectors} zero vectors excluded."
        for place, measured in found.measured.items()
        if measured.zero_vectors
    ]
    notes += [f"{place}: left out, every output is the zero vector." for place in found.silent]
    wide = sorted({prod(place.dims) for place in found.measured if prod(place.dims) > widest})
    if wide:
        notes.append(
            f"No averaged state for layers of {', '.join(map(str, wide))} features: it is computed "
            f"up to widest_averaged={widest}."
        )
    return notes
