"""Hooks that show layers' outputs as they are computed, before and after the activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.correlation.networks.layers import Place, is_activation

OnOutput = Callable[[Place, Tensor], Tensor | None]


@contextmanager
def observed(
    model: nn.Module, layers: Mapping[str, tuple[int, ...]], on_output: OnOutput
) -> Iterator[None]:
    """Call `on_output` with each layer's output whenever the model runs.

    The activation of a layer is the module that is called with the layer's very output and treats
    every feature by itself; functions such as `F.relu` are not seen.

    Args:
        model: The model; its hooks are removed again.
        layers: Module names and the bodies of their outputs.
        on_output: Called with the place and the output `(*, d)`, before anything can change it in
            place; a tensor that it returns takes the output's place.

    Raises:
        ValueError: A layer returns something else than one tensor; raised as the model runs.
    """
    latest: dict[str, Tensor] = {}

    def layer_hook(name: str) -> Callable[..., Tensor | None]:
        def hook(_: nn.Module, __: tuple[Any, ...], output: Any) -> Tensor | None:
            if not isinstance(output, Tensor):
                raise ValueError(  # noqa: TRY004 - the choice of the layer is wrong
                    f"layers: expected {name!r} to return one tensor, "
                    f"it returns a {type(output).__name__}"
                )
            replaced = on_output(Place(name, "before", layers[name]), output)
            latest[name] = output if replaced is None else replaced
            return replaced

        return hook

    def find(inputs: tuple[Any, ...]) -> str | None:
        return next((name for name, out in latest.items() if inputs and inputs[0] is out), None)

    def activation_hook(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> Tensor | None:
        name = find(inputs)
        if name is None or name not in layers or not isinstance(output, Tensor):
            return None
        del latest[name]
        return on_output(Place(name, "after", layers[name]), output)

    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(layer_hook(name)) for name in layers]
    handles += [
        module.register_forward_hook(activation_hook)
        for name, module in modules.items()
        if is_activation(module) and name not in layers
    ]
    try:
        yield
    finally:
        latest.clear()
        for handle in handles:
            handle.remove()


@contextmanager
def evaluating(*models: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients inside; every module's mode as before afterwards."""
    modes = [(module, module.training) for model in models for module in model.modules()]
    for model in models:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
