"""Learning rates and decay that fit factors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from qimlp.nn import KroneckerLinear, parameters_of


def learning_rate_factor(layer: KroneckerLinear, index: int) -> float:
    """How much larger a learning rate factor `index` wants than a dense weight, under Adam.

    `in_features / (in_i * M)`, at least 1 (Qiu et al. 2024, arXiv 2406.06248): Adam moves every
    entry by about the learning rate, and a factor has that many fewer inputs than the weight.
    """
    return max(1.0, layer.in_features / (layer.in_dims[index] * layer.num_factors))


def param_groups(
    model: nn.Module, lr: float, weight_decay: float = 0.0, *, scale: float = 1.0
) -> list[dict[str, Any]]:
    """Parameter groups for `torch.optim.Adam` or `AdamW`, for any module.

    `lr` is what a dense weight of the same network would get; every factor gets it times
    `learning_rate_factor`, to the power `scale`. Biases and all that is no weight get `lr` itself
    (the vectors of a Kronecker bias the smallest of their layer's factors') and no decay.

    With decoupled decay (AdamW) a step multiplies each of M factors by `1 - lr_i * decay_i`. The
    groups' decays are such that the product is `1 - lr * weight_decay` to first order: the decay is
    that of W itself, hence of its Frobenius norm, whatever the gauge of the factors and the rank.
    For a penalty in the loss use `KroneckerLinear.frobenius_norm`.

    Args:
        model: Any module; its `KroneckerLinear`s are found at any depth.
        lr: Learning rate of a dense weight.
        weight_decay: Decay of a dense weight.
        scale: 1 for the rule above, 0 for one learning rate everywhere.

    Returns:
        Groups with `params`, `lr` and `weight_decay`; every parameter that needs a gradient stands
        in exactly one.

    Raises:
        ValueError: If a learning rate or decay is negative or not finite.
    """
    for name, value in (("lr", lr), ("weight_decay", weight_decay)):
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name}: expected a finite number of at least 0, got {value}")
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    seen: set[int] = set()
    for parameter, multiple, decay_share in _rules(model):
        if id(parameter) in seen or not parameter.requires_grad:
            continue
        seen.add(id(parameter))
        rate = multiple**scale
        groups.setdefault((lr * rate, weight_decay * decay_share / rate), []).append(parameter)
    return [
        {"params": params, "lr": rate, "weight_decay": decay}
        for (rate, decay), params in groups.items()
    ]


def _rules(model: nn.Module) -> Iterator[tuple[nn.Parameter, float, float]]:
    """Every parameter with its learning-rate factor and its share of the weight's decay."""
    for module in model.modules():
        if isinstance(module, KroneckerLinear):
            rates = [learning_rate_factor(module, i) for i in range(module.num_factors)]
            for i, rate in enumerate(rates):
                for parameter in parameters_of(module, f"factor_{i}"):
                    yield parameter, rate, 1 / module.num_factors
            kronecker = module.bias_form == "kronecker"
            for parameter in parameters_of(module, "bias"):
                yield parameter, min(rates) if kronecker else 1.0, 0.0
        else:
            for name, parameter in module.named_parameters(recurse=False):
                weight = parameter.dim() > 1 and not name.endswith("bias")
                yield parameter, 1.0, 1.0 if weight else 0.0
