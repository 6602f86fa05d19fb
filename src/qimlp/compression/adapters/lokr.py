"""LoKr files of PEFT and LyCORIS as adapters of a model, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from qimlp.compression.adapters import lycoris_file, peft_file
from qimlp.compression.adapters.lokr_layer import Half, LokrLayer
from qimlp.compression.adapters.placing import (
    StoredAdapter,
    adapters_of,
    check_plain,
    place_stored_,
)
from qimlp.files import printable, shown
from qimlp.nn import KroneckerAdapter

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def load_lokr_(model: nn.Module, path: str | os.PathLike[str]) -> list[str]:
    """Put the adapters of a LoKr file on a model, in place; only they learn then.

    The outputs are those of the library that wrote the file. Matrices that it keeps as a pair stay
    a pair, in the dtype of the layers. Pickles are never read, weight decomposition (`dora_scale`)
    is refused.

    Args:
        model: The model that the file was made for, without adapters.
        path: A folder that PEFT's `save_pretrained` wrote, or a `.safetensors` file of LyCORIS.

    Returns:
        Names of the layers with an adapter.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file is damaged, holds something else, or belongs to another model; the model
            stays as it was.
    """
    check_plain(model)
    file = Path(path)
    source = printable(str(file))
    if file.suffix.lower() in _PICKLES:
        raise ValueError(
            f"{source}: expected a .safetensors file or a folder of PEFT, got a pickle, which is "
            "never read; convert it to safetensors"
        )
    if file.is_dir():
        layers: Mapping[str, LokrLayer] = peft_file.read_peft(file)
    else:
        layers = _named(source, model, lycoris_file.read_lycoris(file))
    stored = {name: _stored(layer) for name, layer in layers.items()}
    return place_stored_(model, stored, source)


def save_lokr(
    model: nn.Module,
    path: str | os.PathLike[str],
    format: Literal["peft", "lycoris"] = "peft",  # noqa: A002 - what a user calls it
) -> Path:
    """Write the adapters of a model as a LoKr file, whole or not at all.

    Args:
        model: A model with adapters of rank 1 and of two factors, which is all LoKr has.
        path: For `"peft"` a folder, in which nothing but an earlier adapter may be; for `"lycoris"`
            a `.safetensors` file, which is replaced.
        format: `"peft"`, a folder that PEFT's `from_pretrained` reads, or `"lycoris"`, a file that
            LyCORIS reads.

    Returns:
        The path.

    Raises:
        OSError: It cannot be written.
        ValueError: No adapters, or some that the format cannot hold.
    """
    if format not in ("peft", "lycoris"):
        raise ValueError(f"format: expected peft or lycoris, got {shown(format, 60)}")
    layers = {name: _layer(name, adapter) for name, adapter in adapters_of(model).items()}
    file = Path(path)
    if format == "peft":
        peft_file.write_peft(file, layers)
        return file
    if file.suffix != ".safetensors":
        raise ValueError(f"path: expected a name that ends in .safetensors, got {shown(str(file))}")
    lycoris_file.write_lycoris(file, layers)
    return file


def _named(source: str, model: nn.Module, layers: Mapping[str, LokrLayer]) -> dict[str, LokrLayer]:
    """Layers by the model's names; LyCORIS' own have underscores for the dots."""
    names: dict[str, list[str]] = {}
    for name, _ in model.named_modules():
        names.setdefault(lycoris_file.lycoris_name(name), []).append(name)
    found = {}
    for key, layer in layers.items():
        meant = names.get(key, [])
        if len(meant) != 1:
            got = f"{len(meant)} of that name" if meant else "none of that name"
            raise ValueError(
                f"{source}: {printable(key, 80)}: expected one layer of the model, which LyCORIS "
                f"names with underscores for dots, got {got}"
            )
        found[meant[0]] = layer
    return found


def _stored(layer: LokrLayer) -> StoredAdapter:
    tensors: dict[str, Tensor] = {}
    for i, half in enumerate(layer.halves):
        endings = ("_a", "_b") if len(half) == 2 else ("",)
        tensors |= {f"factor_{i}{end}": part[None] for end, part in zip(endings, half, strict=True)}
    return StoredAdapter(layer.in_dims, layer.out_dims, 1, layer.scale, layer.ranks, tensors)


def _layer(name: str, adapter: KroneckerAdapter) -> LokrLayer:
    if (adapter.rank, adapter.num_factors) != (1, 2):
        raise ValueError(
            f"{printable(name, 80)}: LoKr holds one Kronecker product of two factors, got a sum of "
            f"{adapter.rank} products of {adapter.num_factors}; save_adapters keeps it"
        )
    first, second = (_half(adapter, i) for i in range(2))
    kernel = tuple(adapter.base.kernel_size) if isinstance(adapter.base, nn.Conv2d) else ()
    return LokrLayer(first, second, adapter.scale, kernel)


def _half(adapter: KroneckerAdapter, i: int) -> Half:
    if adapter.factor_ranks[i] is None:
        return (_parameter(adapter, f"factor_{i}"),)
    return _parameter(adapter, f"factor_{i}_a"), _parameter(adapter, f"factor_{i}_b")


def _parameter(adapter: KroneckerAdapter, name: str) -> Tensor:
    return adapter.get_parameter(name).detach()[0]
