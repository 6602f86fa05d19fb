"""A compressed model on disk: its structure as JSON, its weights as safetensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qimlp.files import printable, read_json_object, shown, write_json
from qimlp.models import (
    LayerSpec,
    checksum,
    layer_specs,
    read_expected,
    read_specs,
    rebuild_,
    write_tensors,
)
from qimlp.nn import KroneckerAdapter, dense_matrix, swap_

STRUCTURE_NAME = "structure.json"
WEIGHTS_NAME = "model.safetensors"

_FORMAT = "qimlp-compressed-1"
_WHAT = "the structure of a compressed model"
_KEYS = {"format", "layers", "tied", "weights"}
_FLOATING = (torch.float32, torch.float64, torch.float16, torch.bfloat16)

Model = TypeVar("Model", bound=nn.Module)


def save_compressed(model: nn.Module, folder: str | Path) -> Path:
    """Write a compressed model so that `load_compressed` makes it again.

    Two files: `model.safetensors`, in which tensors that share their memory are stored once, and
    `structure.json`, which says what took the place of which layer. Each is written whole or not at
    all.

    Args:
        model: The model, on any device.
        folder: Made where it is missing; files of an earlier model are replaced.

    Returns:
        The folder.

    Raises:
        ValueError: No layer of the model was replaced, it has adapters, or its state holds what is
            no tensor.
        OSError: The folder cannot be written.
    """
    specs = layer_specs(model)
    if not specs:
        raise ValueError("model: expected one with replaced layers; compress it first")
    on = [name for name, each in model.named_modules() if isinstance(each, KroneckerAdapter)]
    if on:
        raise ValueError(
            f"model: it has an adapter on {printable(on[0], 80)}; save_adapters saves those, and "
            "remove_adapters_ takes them away"
        )
    tensors, tied = _stored_once(model.state_dict())
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    written = write_tensors(path / WEIGHTS_NAME, tensors)
    structure = {
        "format": _FORMAT,
        "layers": {name: spec.to_dict() for name, spec in specs.items()},
        "tied": tied,
        "weights": written,
    }
    write_json(path / STRUCTURE_NAME, structure)
    return path


def load_compressed(model_factory: Callable[[], Model], folder: str | Path) -> Model:
    """Make a compressed model again; nothing is unpickled.

    Args:
        model_factory: Makes the model as it was before the compression, with any weights.
        folder: What `save_compressed` wrote.

    Returns:
        The factory's model with its layers replaced and all its weights read, of the dtypes that
        were saved, where the factory put it.

    Raises:
        TypeError: The factory cannot be called or makes no module.
        FileNotFoundError: No such folder, or a file of it is missing.
        ValueError: A file that is damaged or of another model; the factory's model is then left as
            it was.
    """
    if not callable(model_factory):
        raise TypeError(f"model_factory: expected a function, got {shown(model_factory)}")
    path = Path(folder)
    source = printable(str(path / STRUCTURE_NAME))
    structure = read_json_object(path / STRUCTURE_NAME, what=_WHAT)
    specs, tied = _checked(structure, source)
    model = model_factory()
    if not isinstance(model, nn.Module):
        raise TypeError(f"model_factory: expected it to make an nn.Module, got {shown(model)}")
    _check_values(model)
    try:  # without memory, until the file is known to hold what fills it
        dense = rebuild_(model, specs, device="meta")
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    try:
        tensors = _read(model, path / WEIGHTS_NAME, tied, str(structure["weights"]))
    except (ValueError, OSError):
        swap_(model, dense)
        raise
    for name, old in dense.items():
        model.get_submodule(name).to_empty(device=dense_matrix(old).device)
    _set_dtypes(model, tensors)
    model.load_state_dict(tensors)
    return model


def _check_values(model: nn.Module) -> None:
    for name, tensor in model.state_dict().items():
        if isinstance(tensor, Tensor) and tensor.is_meta:
            raise ValueError(
                f"model_factory: expected a model with values, got {printable(name, 80)} on the "
                "meta device"
            )


def _read(
    model: nn.Module, path: Path, tied: Mapping[str, str], expected: str
) -> dict[str, Tensor]:
    state = model.state_dict()
    name = printable(str(path))
    for other, stored in tied.items():
        shapes = [state[key].shape if key in state else None for key in (other, stored)]
        if None in shapes or shapes[0] != shapes[1]:
            raise ValueError(
                f"{name}: {printable(other, 80)} and {printable(stored, 80)} were one tensor, "
                "which they cannot be in the model of model_factory"
            )
    tensors = read_expected(path, {key: state[key] for key in state if key not in tied})
    if checksum(tensors) != expected:
        raise ValueError(
            f"{name}: not the weights that {STRUCTURE_NAME} beside it was written with; save the "
            "model again"
        )
    tensors |= {other: tensors[stored] for other, stored in tied.items()}
    _check_ties(state, tensors, name)
    return tensors


def _check_ties(state: Mapping[str, Tensor], tensors: Mapping[str, Tensor], name: str) -> None:
    """Refuse other numbers for what is one tensor in the model: only the last would stay."""
    first: dict[tuple[Any, ...], str] = {}
    for key, tensor in state.items():
        other = first.setdefault(_memory(tensor), key)
        if (
            other != key
            and not tensor.is_meta
            and tensor.numel()
            and not torch.equal(tensors[other], tensors[key])
        ):
            raise ValueError(
                f"{name}: {printable(other, 80)} and {printable(key, 80)} are one tensor in the "
                "model of model_factory and two in the file"
            )


def _set_dtypes(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model the dtypes of what is loaded; a parameter that is tied stays one parameter."""
    dtypes = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
    if len(dtypes) == 1:
        model.to(dtypes.pop())
    for key, tensor in model.state_dict(keep_vars=True).items():
        if tensor.dtype != tensors[key].dtype:
            tensor.data = tensor.data.to(tensors[key].dtype)


def _stored_once(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors without those that are another one, and of these the name of the other."""
    first: dict[tuple[Any, ...], str] = {}
    tensors: dict[str, Tensor] = {}
    tied: dict[str, str] = {}
    storages: set[int] = set()
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor) or tensor.is_complex() or tensor.is_meta:
            raise ValueError(
                f"model: {printable(name, 80)}: expected real numbers to save, got {shown(tensor)}"
            )
        if tensor.is_floating_point() and tensor.dtype not in _FLOATING:
            raise ValueError(f"model: {printable(name, 80)}: {tensor.dtype} cannot be saved")
        stored = first.setdefault(_memory(tensor), name) if tensor.numel() else name
        if stored != name:
            tied[name] = stored
            continue
        storage = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if storage in storages else tensor  # a part of another
        storages.add(storage)
    return tensors, tied


def _memory(tensor: Tensor) -> tuple[Any, ...]:
    place = tensor.untyped_storage().data_ptr(), tensor.storage_offset(), str(tensor.device)
    return (*place, tensor.shape, tensor.stride(), tensor.dtype)


def _checked(structure: dict[str, Any], source: str) -> tuple[dict[str, LayerSpec], dict[str, str]]:
    if structure.get("format") != _FORMAT or set(structure) != _KEYS:
        raise ValueError(
            f"{source}: expected {_WHAT} with format {_FORMAT!r}, got {shown(structure)}"
        )
    layers, tied = structure["layers"], structure["tied"]
    if not isinstance(layers, dict) or not layers:
        raise ValueError(f"{source}: layers: expected descriptions by name, got {shown(layers)}")
    if not isinstance(tied, dict) or not all(isinstance(each, str) for each in tied.values()):
        raise ValueError(f"{source}: tied: expected names by name, got {shown(tied)}")
    return read_specs(layers, f"{source}: layers"), tied
