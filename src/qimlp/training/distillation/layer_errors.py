"""Errors of single layers of a compressed model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.compression import call_model
from qimlp.nn import KroneckerConv2d
from qimlp.training.distillation.apart import modes_kept


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
