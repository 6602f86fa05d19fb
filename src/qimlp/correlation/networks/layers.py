"""Which layers of a model are looked at, and what bodies their outputs have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.nn.modules import activation as activations

from qimlp.correlation.states.arguments import check_bodies
from qimlp.nn import KroneckerLinear
from qimlp.shapes import format_dims

Stage = Literal["before", "after"]
Bodies = Mapping[str, Sequence[int]]

#: Activations that treat every feature by itself, so that the output keeps the layer's bodies.
_ELEMENTWISE: tuple[type[nn.Module], ...] = (
    *(activations.GELU, activations.ReLU, activations.SiLU, activations.Tanh, activations.Sigmoid),
    *(activations.LeakyReLU, activations.ELU, activations.SELU, activations.CELU),
    *(activations.Mish, activations.Softplus, activations.Softsign, activations.Hardtanh),
    *(activations.ReLU6, activations.Hardswish, activations.Hardsigmoid, activations.PReLU),
    *(activations.LogSigmoid, activations.Softshrink, activations.Hardshrink),
    *(activations.Tanhshrink, activations.Threshold),
)


@dataclass(frozen=True)
class Place:
    """Where states are read off.

    Attributes:
        layer: Name of the module, as in `named_modules`.
        stage: `"before"` the activation, which is the layer's own output, or `"after"` it.
        dims: Sizes of the bodies.
    """

    layer: str
    stage: Stage
    dims: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.layer} ({format_dims(self.dims)}), {self.stage} the activation"


def check_model(name: str, model: object) -> None:
    """Check that something is a model with weights.

    Args:
        name: What to call it in a message.
        model: What was given.

    Raises:
        TypeError: If it is no module.
        ValueError: If its weights are on the meta device, which holds no numbers.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"{name}: expected a torch.nn.Module, got {type(model).__name__}")
    if any(parameter.is_meta for parameter in model.parameters()):
        raise ValueError(
            f"{name}: expected weights, got a model on the meta device; "
            "load its weights, or call to_empty() and draw them"
        )


def is_activation(module: nn.Module) -> bool:
    """Tell whether a module is an activation that treats every feature by itself.

    Args:
        module: The module.

    Returns:
        Whether it is one of those that are known.
    """
    return isinstance(module, _ELEMENTWISE)


def choose_layers(model: nn.Module, layers: Bodies | None) -> dict[str, tuple[int, ...]]:
    """Find the layers to look at.

    Args:
        model: Any module.
        layers: Module names and the bodies of their outputs. Without any, every `KroneckerLinear`
            but the network's last layer, whose output is the answer and not a feature (the paper
            leaves it out too).

    Returns:
        Module names and bodies, in the order of `named_modules`.

    Raises:
        TypeError: If `model` is no module, `layers` no mapping, or a size no integer.
        ValueError: If a module is unknown, bodies do not fit it, there is no layer at all, or the
            weights are on the meta device.
    """
    check_model("model", model)
    modules = dict(model.named_modules())
    if layers is None:
        chosen = {
            name: module.out_dims
            for name, module in _hidden(modules).items()
            if isinstance(module, KroneckerLinear) and module.num_factors > 1
        }
        if not chosen:
            raise ValueError(
                "model: expected hidden KroneckerLinear layers with two or more bodies, found "
                'none; name layers and their bodies, as in layers={"fc1": (28, 28)}'
            )
        return chosen
    if not isinstance(layers, Mapping):
        raise TypeError(
            f'layers: expected a mapping such as {{"fc1": (28, 28)}}, got a {type(layers).__name__}'
        )
    if not layers:
        raise ValueError("layers: expected at least one module name with its bodies, got none")
    for name, dims in layers.items():
        if name not in modules:
            known = ", ".join(n for n, m in modules.items() if isinstance(m, nn.Linear)) or "none"
            raise ValueError(f"layers: the model has no module {name!r}; its linear ones: {known}")
        sizes, width = check_bodies(dims), getattr(modules[name], "out_features", None)
        whole = 1
        for size in sizes:
            whole *= size
        if width is not None and width != whole:
            raise ValueError(
                f"layers: expected bodies of {name!r} that multiply up to {width}, got {sizes}, "
                f"which make {whole}"
            )
    return {name: check_bodies(layers[name]) for name in modules if name in layers}


def hidden_layers(model: nn.Module) -> dict[str, nn.Linear | KroneckerLinear]:
    """Find the `nn.Linear` and `KroneckerLinear` layers of a model but its last layer.

    Args:
        model: Any module.

    Returns:
        The layers by name, in the order of `named_modules`.

    Raises:
        TypeError: If it is no module.
        ValueError: If its weights are on the meta device.
    """
    check_model("model", model)
    return {
        name: module
        for name, module in _hidden(dict(model.named_modules())).items()
        if isinstance(module, (nn.Linear, KroneckerLinear))
    }


def _hidden(modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """All modules but the last one that has a weight."""
    linear = [n for n, m in modules.items() if isinstance(m, (KroneckerLinear, nn.Linear))]
    return {name: module for name, module in modules.items() if name not in linear[-1:]}
