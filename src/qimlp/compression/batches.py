"""How a batch of calibration or training data is given to a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.files import printable, shown

_EXPECTED = (
    "expected batches that are tensors, mappings of a model's arguments, or tuples whose first "
    "entry is one of these"
)


def model_inputs(batch: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Split a batch into what a model is called with.

    Args:
        batch: A tensor, which is the only argument; a mapping, whose entries are keyword
            arguments; or a list or tuple, whose first entry is one of these and whose other
            entries, such as labels, are left aside.

    Returns:
        Positional and keyword arguments.

    Raises:
        TypeError: The batch is none of these.
        ValueError: An empty tuple, list or mapping.
    """
    inputs = batch
    if isinstance(batch, list | tuple):
        if not batch:
            raise ValueError(f"{_EXPECTED}, got an empty {type(batch).__name__}")
        inputs = batch[0]
    if isinstance(inputs, Tensor):
        return (inputs,), {}
    if not isinstance(inputs, Mapping):
        within = "" if inputs is batch else f"a {type(batch).__name__} that starts with "
        raise TypeError(f"{_EXPECTED}, got {within}{printable(type(inputs).__name__)}")
    if not inputs or not all(isinstance(name, str) for name in inputs):
        raise ValueError(f"{_EXPECTED}, got a mapping whose keys are {shown(list(inputs))}")
    return (), dict(inputs)


def check_batches(name: str, given: object) -> None:
    """Refuse what is no iterable of batches, such as a single one.

    Args:
        name: What it is called, for the message.
        given: What the user gave.

    Raises:
        TypeError: It is none.
    """
    if isinstance(given, Tensor | Mapping | str | bytes) or not isinstance(given, Iterable):
        raise TypeError(
            f"{name}: expected an iterable of batches, got {_kind(given)}; a single batch goes "
            "into a list"
        )


def _kind(given: object) -> str:
    if isinstance(given, Tensor):
        return f"a tensor of shape {tuple(given.shape)}"
    return printable(type(given).__name__)


def call_model(model: nn.Module, batch: object) -> Any:
    """Call a model with a batch, whose tensors are brought to the model's device.

    Args:
        model: Any module.
        batch: As `model_inputs` takes it.

    Returns:
        What the model returns.

    Raises:
        TypeError: The batch is of another kind.
        ValueError: An empty batch.
    """
    args, kwargs = model_inputs(batch)
    device = model_device(model)
    return model(*moved(args, device), **moved(kwargs, device))


def model_device(model: nn.Module) -> torch.device:
    """The device that a model takes its inputs on.

    Args:
        model: Any module.

    Returns:
        That of its first parameter or buffer; the CPU if it has neither.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.device.type != "meta":
            return tensor.device
    return torch.device("cpu")


def moved(value: Any, device: torch.device) -> Any:
    """The same value with every tensor in it on one device.

    Args:
        value: A tensor, or tuples, lists and dictionaries that hold some; anything else is
            returned as it is.
        device: Where to.

    Returns:
        The value; tensors that are there already are not copied.
    """
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(each, device) for name, each in value.items()}
    if isinstance(value, list):
        return [moved(each, device) for each in value]
    if type(value) is tuple:
        return tuple(moved(each, device) for each in value)
    return value
