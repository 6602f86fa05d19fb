"""Adapters alone in a folder: `adapters.json` and `adapters.safetensors`, nothing unpickled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from qimlp.compression.adapters.folder import adapter_folder
from qimlp.compression.adapters.placing import (
    StoredAdapter,
    adapters_of,
    check_plain,
    place_stored_,
)
from qimlp.files import printable, read_json_object, shown, write_json
from qimlp.models import read_tensors, write_tensors
from qimlp.nn import KroneckerAdapter
from qimlp.shapes import KroneckerShape, as_dims, as_size

CONFIG_NAME = "adapters.json"
WEIGHTS_NAME = "adapters.safetensors"
_KIND = "adapters"
_KEYS = {"in_dims", "out_dims", "rank", "scale", "factor_ranks"}


def save_adapters(model: nn.Module, folder: str | os.PathLike[str]) -> Path:
    """Write the adapters of a model, without the model, whole or not at all.

    Args:
        model: A model with adapters, merged or not.
        folder: The folder, in which nothing but earlier adapters may be; they are replaced.

    Returns:
        The folder.

    Raises:
        FileExistsError: Something else is in the folder.
        OSError: It cannot be written.
        ValueError: The model has no adapters.
    """
    adapters = adapters_of(model)
    path = Path(folder)
    tensors = {
        f"{name}.{key}": parameter
        for name, adapter in adapters.items()
        for key, parameter in adapter.named_parameters(recurse=False)
    }
    layers = {name: _described(adapter) for name, adapter in adapters.items()}
    with adapter_folder(path, (CONFIG_NAME, WEIGHTS_NAME)) as new:
        write_tensors(new / WEIGHTS_NAME, tensors)
        write_json(new / CONFIG_NAME, {"kind": _KIND, "layers": layers})
    return path


def _described(adapter: KroneckerAdapter) -> dict[str, Any]:
    return {
        "in_dims": list(adapter.in_dims),
        "out_dims": list(adapter.out_dims),
        "rank": adapter.rank,
        "scale": adapter.scale,
        "factor_ranks": list(adapter.factor_ranks),
    }


def load_adapters_(model: nn.Module, folder: str | os.PathLike[str]) -> list[str]:
    """Put saved adapters on a model, in place; only they learn then.

    Args:
        model: The model that they were saved from, without adapters.
        folder: What `save_adapters` wrote.

    Returns:
        Names of the layers with an adapter.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file is damaged, holds something else, or belongs to another model; the model
            stays as it was.
    """
    check_plain(model)
    path = Path(folder)
    config = read_json_object(path / CONFIG_NAME, what="the sizes of adapters")
    source = printable(str(path / CONFIG_NAME))
    layers = config.get("layers")
    if config.keys() != {"kind", "layers"} or config["kind"] != _KIND or not layers:
        raise ValueError(
            f'{source}: expected "kind": "{_KIND}" and "layers", got {shown(config, 80)}'
        )
    if not isinstance(layers, dict):
        raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument
            f"{source}: layers: expected an object, got {shown(layers, 80)}"
        )
    weights = path / WEIGHTS_NAME
    tensors = read_tensors(weights, what="the weights of adapters")
    stored = {
        name: _stored(f"{source}: {printable(name, 80)}", name, layer, tensors)
        for name, layer in layers.items()
    }
    known = {f"{name}.{key}" for name, each in stored.items() for key in each.tensors}
    unknown = sorted(tensors.keys() - known)
    if unknown:
        raise ValueError(
            f"{printable(str(weights))}: expected the tensors of {CONFIG_NAME}, got also "
            f"{shown(unknown[0], 80)}"
        )
    return place_stored_(model, stored, printable(str(path)))


def _stored(where: str, name: str, layer: Any, tensors: Mapping[str, Tensor]) -> StoredAdapter:
    try:
        shape, scale, ranks = _parsed(layer)
    except (TypeError, ValueError) as error:  # the checks' own lines
        raise ValueError(f"{where}: {printable(str(error), 300)}") from None
    sizes: dict[str, tuple[int, ...]] = {}
    for i, ((terms, out, inside), low) in enumerate(zip(shape.factor_shapes, ranks, strict=True)):
        if low is None:
            sizes[f"factor_{i}"] = terms, out, inside
        else:
            sizes |= {f"factor_{i}_a": (terms, out, low), f"factor_{i}_b": (terms, low, inside)}
    for key, size in sizes.items():
        got = tensors.get(f"{name}.{key}")
        if got is None or tuple(got.shape) != size:
            raise ValueError(
                f"{where}: {key}: expected a tensor of shape {size} in {WEIGHTS_NAME}, got "
                f"{'none' if got is None else tuple(got.shape)}"
            )
    own = {key: tensors[f"{name}.{key}"] for key in sizes}
    return StoredAdapter(shape.in_dims, shape.out_dims, shape.rank, scale, ranks, own)


def _parsed(layer: Any) -> tuple[KroneckerShape, float, tuple[int | None, ...]]:
    """Shape, scale and ranks of the pairs, of the stored description of an adapter."""
    if not isinstance(layer, dict) or layer.keys() != _KEYS:
        raise ValueError(f"expected {', '.join(sorted(_KEYS))}, got {shown(layer, 80)}")
    dims = as_dims("in_dims", layer["in_dims"]), as_dims("out_dims", layer["out_dims"])
    shape = KroneckerShape(*dims, as_size("rank", layer["rank"]))
    scale, ranks = layer["scale"], layer["factor_ranks"]
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not isfinite(scale):
        raise ValueError(f"scale: expected a finite number, got {shown(scale, 60)}")
    if not isinstance(ranks, list) or len(ranks) != shape.num_factors:
        raise ValueError(f"factor_ranks: expected one for each factor, got {shown(ranks, 60)}")
    low = tuple(None if each is None else as_size("factor_ranks", each) for each in ranks)
    return shape, float(scale), low
