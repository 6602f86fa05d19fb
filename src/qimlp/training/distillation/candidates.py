"""One way to compress a model, tried in place and taken back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from qimlp.compression import (
    CompressionConfig,
    CompressionReport,
    call_model,
    compress_layers_,
)
from qimlp.nn import KroneckerConv2d, swap_
from qimlp.training.distillation.apart import modes_kept
from qimlp.training.distillation.distill import distill
from qimlp.training.distillation.held_out import Split
from qimlp.training.distillation.matching import Outputs

Filter = Callable[[nn.Module, str], bool]

_RATES = (None, 1e-4)
"""Peak learning rates of tuning: the one that suits the error, and one that does little harm."""

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
        before: Loss on held-out rows as fitted.
        after: The same after tuning.
    """

    form: Form
    layers: Mapping[str, nn.Module]
    report: CompressionReport
    before: float
    after: float

    def __str__(self) -> str:
        return f"{FORM_NAMES[self.form]} {self.after:.3g} ({self.before:.3g} before tuning)"


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
        before, after = _tune(model, teacher, layers, config.tune_steps, data, outputs)
        errors = output_errors(model, teacher, list(layers), data.compared_on)
    tuned = tuple(replace(layer, tuned_error=errors.get(layer.name)) for layer in report.layers)
    return Candidate(config.form, layers, replace(report, layers=tuned), before, after)


def _tune(
    model: nn.Module,
    teacher: nn.Module,
    layers: Mapping[str, nn.Module],
    steps: int,
    data: Split,
    outputs: Outputs | None,
) -> tuple[float, float]:
    """Tune some layers at the first rate that lowers the loss on held-out rows, or not at all.

    Returns:
        The loss before and after.
    """
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
            return found.before, found.after
        before = found.before
        for name, layer in layers.items():
            layer.load_state_dict(as_fitted[name])
    return before, before


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


@torch.no_grad()
def output_errors(
    model: nn.Module, original: nn.Module, names: Iterable[str], batches: Iterable[Any]
) -> dict[str, float]:
    """Measure the relative error of layers' outputs, each model on its own inputs.

    Args:
        model: The compressed model.
        original: The original.
        names: Of the layers.
        batches: Inputs.

    Returns:
        For every layer that was called: the norm of the difference over that of the original's
        outputs, centred.
    """
    errors = {name: _OutputError() for name in names}
    handles = []
    for name, error in errors.items():
        handles += [
            original.get_submodule(name).register_forward_hook(error.expect),
            model.get_submodule(name).register_forward_hook(error.compare),
        ]
    try:
        with modes_kept(model, original):
            model.eval()
            original.eval()
            for batch in batches:
                call_model(original, batch)
                call_model(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    return {name: error.relative() for name, error in errors.items() if error.calls}


class _OutputError:
    """Sums over the outputs of one layer in two models."""

    def __init__(self) -> None:
        self.calls = 0
        self._expected: list[Tensor] = []
        self._squares = self._errors = 0.0
        self._sum: Tensor | float = 0.0
        self._rows = 0

    def expect(self, _module: nn.Module, _given: Any, output: Tensor) -> None:
        self._expected.append(output.clone())  # what follows may write into it

    def compare(self, module: nn.Module, _given: Any, output: Tensor) -> None:
        if not self._expected:
            return
        wanted = _rows(module, self._expected.pop(0))
        found = _rows(module, output).to(wanted.device)
        self._errors += float((found - wanted).square().sum())
        self._squares += float(wanted.square().sum())
        self._sum = self._sum + wanted.sum(dim=0)
        self._rows += len(wanted)
        self.calls += 1

    def relative(self) -> float:
        mean = torch.as_tensor(self._sum) / self._rows
        spread = self._squares - self._rows * float(mean.square().sum())
        return float((self._errors / spread) ** 0.5) if spread > 0 else 0.0


def _rows(module: nn.Module, output: Tensor) -> Tensor:
    """A layer's output as rows of its features."""
    if isinstance(module, (nn.Conv2d, KroneckerConv2d)):
        output = output.movedim(-3, -1)
    return output.double().flatten(0, -2)
