"""The state of an unfinished run on disk: one safetensors file, replaced whole.

Tensors are named ``model.*``, ``average.*``, ``best.*``, ``optimizer.<parameter>.<key>``,
``random.*`` and ``loss_sum``; everything that is not a tensor is one JSON object in the file's
metadata. Nothing is pickled.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor, nn
from torch.optim import Optimizer

from qimlp.files import write_bytes

_FORMAT = "qimlp-training-state-1"


@dataclass(frozen=True)
class StoredState:
    """A state as read from disk.

    Attributes:
        tensors: All tensors by their full names, on the CPU.
        info: The JSON object.
        path: Where it came from.
    """

    tensors: dict[str, Tensor]
    info: dict[str, Any]
    path: Path

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Take the tensors of one part.

        Args:
            prefix: ``"model"``, ``"average"``, ``"best"``, ...

        Returns:
            Tensors by the rest of their names.
        """
        start = prefix + "."
        return {k[len(start) :]: t for k, t in self.tensors.items() if k.startswith(start)}


def write_state(path: Path, tensors: dict[str, Tensor], info: dict[str, Any]) -> None:
    """Write a state whole; an earlier state stays valid until the new one is complete.

    Args:
        path: The file.
        tensors: By full name, on any device.
        info: Anything JSON can hold.

    Raises:
        OSError: If it cannot be written.
    """
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"format": _FORMAT, "info": json.dumps(info)}
    write_bytes(path, safetensors.torch.save(own, metadata))


def read_state(path: Path) -> StoredState:
    """Read a state.

    Args:
        path: A file of `write_state`.

    Returns:
        The state; its tensors own their memory.

    Raises:
        ValueError: If the file is truncated or something else.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"{path} is truncated or damaged ({error}); start the run again with --overwrite"
        ) from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            f"{path}: expected a state of format {_FORMAT}, got {metadata.get('format')!r}"
        )
    return StoredState(tensors, json.loads(metadata["info"]), path)


def optimizer_tensors(optimizer: Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Flatten an optimizer's state by parameter name.

    Args:
        optimizer: Every parameter of it belongs to the model.
        model: Gives the names.

    Returns:
        Tensors named ``<parameter>.<key>``, such as ``layers.0.factors.1.exp_avg``.
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
        ValueError: If there should be a state and is none.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    ordered = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(ordered):
        start = names[parameter] + "."
        own = {k[len(start) :]: t for k, t in tensors.items() if k.startswith(start)}
        if own:
            state[index] = own
    if stepped and not state:
        raise ValueError("the optimizer's state is missing")
    layout = optimizer.state_dict()["param_groups"]
    restored = [
        {**old, **new, "betas": tuple(new["betas"])}
        for old, new in zip(layout, groups, strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": restored})
