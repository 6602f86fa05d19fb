"""One way to compress a model, tried in place and taken back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from qimlp.compression import (
    CompressionConfig,
    CompressionReport,
    compress_layers_,
)
from qimlp.nn import swap_
from qimlp.training.distillation.distill import distill
from qimlp.training.distillation.held_out import Split
from qimlp.training.distillation.layer_errors import output_errors
from qimlp.training.distillation.matching import Outputs
from qimlp.training.engine.errors import NonFiniteLossError

Filter = Callable[[nn.Module, str], bool]

_RATES = (None, 1e-4)
"""Peak learning rates of tuning: the one that suits the error, and one that does little harm."""


@dataclass(frozen=True)
class Tuning:
    """What came of tuning a form.

    Attributes:
        before: Loss on held-out rows as fitted.
        after: The same with the weights that are kept.
        lr: Peak learning rate that led there; None is the one that suits the error.
    """

    before: float
    after: float
    lr: float | None = None

    @property
    def helped(self) -> bool:
        """Whether the tuned weights are kept, not those as fitted."""
        return self.after < self.before


Form = Literal["low_rank", "kronecker", "auto"]

FORM_NAMES: dict[Form, str] = {
    "low_rank": "low rank",
    "kronecker": "Kronecker",
    "auto": "the better fit by layer",
}


@dataclass(frozen=True)
class Candidate:
    """A compressed and tuned form of a model.

    Attributes:
        form: As the config names it; "auto" is the better fitting form of every layer.
        layers: What is in the place of the model's layers, by name.
        report: Of the compression; its errors after tuning are filled in.
        tuning: The losses.
    """

    form: Form
    layers: Mapping[str, nn.Module]
    report: CompressionReport
    tuning: Tuning

    def __str__(self) -> str:
        found = self.tuning
        return f"{FORM_NAMES[self.form]} {found.after:.3g} ({found.before:.3g} before tuning)"


@contextmanager
def taken_back(model: nn.Module) -> Iterator[None]:
    """Put the layers of a model back that were replaced within.

    Args:
        model: Any module.
    """
    before = dict(model.named_modules(remove_duplicate=False))
    try:
        yield
    finally:
        now = dict(model.named_modules(remove_duplicate=False))
        other = [name for name, layer in now.items() if before.get(name, layer) is not layer]
        swap_(model, {name: before[name] for name in other})


def try_form(
    model: nn.Module,
    teacher: nn.Module,
    config: CompressionConfig,
    filter_fn: Filter | None,
    data: Split,
    outputs: Outputs | None,
    others: Sequence[Candidate],
) -> Candidate | None:
    """Compress and tune a model in one form; it is as before afterwards.

    Args:
        model: The model.
        teacher: A copy of it.
        config: Names the form.
        filter_fn: Which layers.
        data: Calibration data for the fit and tuning, and for the losses.
        outputs: What is matched; see `distill`.
        others: Candidates that were tried before.

    Returns:
        The candidate; None where one of the others has the same layers.

    Raises:
        ValueError: The form cannot reach the budget.
        NonFiniteLossError: Tuning diverges.
    """
    with taken_back(model):
        report = compress_layers_(model, config, filter_fn, data.fitted_on)
        if any(_same_shapes(report, other.report) for other in others):
            return None
        layers = {layer.name: model.get_submodule(layer.name) for layer in report.replaced}
        tuning = _tune(model, teacher, layers, config.tune_steps, data, outputs)
        report = _with_errors(report, model, teacher, data)
    return Candidate(config.form, layers, report, tuning)


def on_all_rows(
    model: nn.Module,
    teacher: nn.Module,
    config: CompressionConfig,
    filter_fn: Filter | None,
    data: Split,
    outputs: Outputs | None,
    best: Candidate,
) -> Candidate:
    """Fit and tune the best form anew, on the held-out rows too; the model is as before afterwards.

    An eighth of the rows more makes up for what comparing took from the fit. Tuning is as it was
    where it lowered the loss on held-out rows, and left out where it did not.

    Args:
        model: The model.
        teacher: A copy of it.
        config: As `best` was made with.
        filter_fn: Which layers.
        data: Calibration data.
        outputs: What is matched; see `distill`.
        best: A candidate.

    Returns:
        The same form on all rows; `best` itself where there are no others, or where tuning
        diverges.
    """
    if not data.apart:
        return best
    with taken_back(model):
        report = compress_layers_(model, config, filter_fn, data.all_rows)
        layers = {layer.name: model.get_submodule(layer.name) for layer in report.replaced}
        if best.tuning.helped:
            try:
                with only_these_learn(model, layers.values()):
                    distill(
                        model,
                        teacher,
                        data.all_rows,
                        steps=config.tune_steps,
                        lr=best.tuning.lr,
                        outputs=outputs,
                    )
            except NonFiniteLossError:
                return best
        report = _with_errors(report, model, teacher, data)
    return replace(best, layers=layers, report=report)


def _with_errors(
    report: CompressionReport, model: nn.Module, teacher: nn.Module, data: Split
) -> CompressionReport:
    """Fill the errors after tuning in."""
    errors = output_errors(
        model, teacher, [layer.name for layer in report.replaced], data.compared_on
    )
    tuned = tuple(replace(layer, tuned_error=errors.get(layer.name)) for layer in report.layers)
    return replace(report, layers=tuned)


def _tune(
    model: nn.Module,
    teacher: nn.Module,
    layers: Mapping[str, nn.Module],
    steps: int,
    data: Split,
    outputs: Outputs | None,
) -> Tuning:
    """Tune some layers at the first rate that lowers the loss on held-out rows, or not at all."""
    as_fitted = {name: copy.deepcopy(layer.state_dict()) for name, layer in layers.items()}
    before = 0.0
    for rate in _RATES:
        with only_these_learn(model, layers.values()):
            found = distill(
                model,
                teacher,
                data.fitted_on,
                steps=steps,
                lr=rate,
                outputs=outputs,
                dev=data.compared_on,
            )
        if found.after < found.before:
            return Tuning(found.before, found.after, rate)
        before = found.before
        for name, layer in layers.items():
            layer.load_state_dict(as_fitted[name])
    return Tuning(before, before)


def _same_shapes(first: CompressionReport, second: CompressionReport) -> bool:
    shapes = [
        {each.name: (each.form, each.in_dims, each.out_dims, each.rank) for each in report.layers}
        for report in (first, second)
    ]
    return shapes[0] == shapes[1]


@contextmanager
def only_these_learn(model: nn.Module, layers: Iterable[nn.Module]) -> Iterator[None]:
    """Let some layers' parameters learn, and no others.

    Args:
        model: The model.
        layers: Some of its layers.
    """
    learning = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.requires_grad_(False)
    for layer in layers:
        layer.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, wanted in learning:
            parameter.requires_grad_(wanted)
