"""An optimizer's state as named tensors and plain numbers, and back."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from qimlp.files import printable, shown


def optimizer_tensors(optimizer: Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Flatten an optimizer's state by parameter name.

    Args:
        optimizer: Every parameter of it belongs to the model.
        model: Gives the names.

    Returns:
        Tensors named `<parameter>.<key>`, such as `layers.0.factor_1.exp_avg`.
    """
    names: dict[Tensor, str] = {p: name for name, p in model.named_parameters()}
    return {
        f"{names[parameter]}.{key}": value
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
    }


def optimizer_groups(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Hyperparameters of an optimizer's groups, without the parameters.

    A captured step holds rates in tensors and marks the groups; neither is kept.

    Args:
        optimizer: The optimizer.

    Returns:
        One JSON-able dict per group.
    """
    return [
        {k: plain(v) for k, v in group.items() if k not in ("params", "capturable")}
        for group in optimizer.param_groups
    ]


def plain(value: Any) -> Any:
    """Turn 0-d tensors into numbers, inside lists and dicts too.

    Args:
        value: Anything JSON can hold, with 0-d tensors in it.

    Returns:
        The same without tensors.
    """
    if isinstance(value, Tensor):
        return value.item()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def load_optimizer(
    optimizer: Optimizer,
    model: nn.Module,
    tensors: dict[str, Tensor],
    groups: list[dict[str, Any]],
    *,
    stepped: bool,
) -> None:
    """Put a flattened state back.

    Args:
        optimizer: Built as the stored one was.
        model: Gives the names.
        tensors: From `optimizer_tensors`.
        groups: From `optimizer_groups`, through JSON.
        stepped: Whether a step was taken, so that there is a state.

    Raises:
        ValueError: If there should be a state and is none, or it is of another optimizer.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    ordered = [p for group in optimizer.param_groups for p in group["params"]]
    total = sum(parameter.numel() for parameter in ordered)
    state: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(ordered):
        start = names[parameter] + "."
        own = {k[len(start) :]: t for k, t in tensors.items() if k.startswith(start)}
        shapes = ((), tuple(parameter.shape), (total,), (total, total))
        for key, tensor in own.items():
            _require_usable(start + key, tensor, shapes)
        if own:
            state[index] = own
    if stepped and not state:
        raise ValueError("the optimizer's state is missing")
    layout = optimizer.state_dict()["param_groups"]
    if len(groups) != len(layout):
        raise ValueError(f"expected {len(layout)} groups of parameters, got {len(groups)}")
    restored = [_group(old, new) for old, new in zip(layout, groups, strict=True)]
    optimizer.load_state_dict({"state": state, "param_groups": restored})


def _require_usable(name: str, tensor: Tensor, shapes: tuple[tuple[int, ...], ...]) -> None:
    if tuple(tensor.shape) not in shapes or not tensor.dtype.is_floating_point:
        raise ValueError(
            f"optimizer {printable(name, 80)}: unexpected shape {tuple(tensor.shape)} or type "
            f"{tensor.dtype}"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"optimizer {printable(name, 80)} holds numbers that are not finite")


def _group(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A stored group in the place of a fresh one, if its values are of the same kind."""
    for key, value in new.items():
        if key in old and not _alike(old[key], value):
            raise ValueError(f"optimizer {printable(key, 80)}: unexpected value {shown(value)}")
    return {**old, **new, "betas": tuple(new.get("betas", old["betas"]))}


def _alike(old: Any, new: Any) -> bool:
    """Whether a stored value can stand where a fresh optimizer has another."""
    if isinstance(old, bool) or old is None:
        return isinstance(new, bool) or new is None
    if isinstance(old, tuple | list):
        return isinstance(new, tuple | list) and len(new) == len(old) and all(map(_alike, old, new))
    if isinstance(old, int | float | Tensor):
        return isinstance(new, int | float) and not isinstance(new, bool)
    return type(old) is type(new)
