"""LoKr files of LyCORIS: one safetensors file, its keys the names of modules with underscores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from qimlp.compression.adapters.lokr_layer import TENSORS, LokrLayer, read_halves, tucker_rank
from qimlp.files import printable, shown
from qimlp.models import read_tensors, write_tensors

_PREFIX = "lycoris_"
_KNOWN = (*TENSORS, "alpha", "dora_scale")


def lycoris_name(name: str) -> str:
    """What LyCORIS calls a module.

    Args:
        name: As `named_modules` gives it.

    Returns:
        The first part of its keys.
    """
    return _PREFIX + name.replace(".", "_")


def read_lycoris(path: Path) -> dict[str, LokrLayer]:
    """Read the layers of a LyCORIS file.

    The scale is that of LyCORIS' forward pass: `alpha / r`. It is 1 where both halves are whole
    matrices, whose r the file does not say, and where alpha is 0. With `rs_lora` the file's alpha
    holds the square root, with `use_scalar` its first half holds the scalar.

    Args:
        path: The file.

    Returns:
        Layers by LyCORIS' names.

    Raises:
        OSError: There is no such file, or it cannot be read.
        ValueError: It is damaged or holds something else.
    """
    source = printable(str(path))
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in read_tensors(path, what="a LoKr file of LyCORIS").items():
        name, dot, rest = key.partition(".")
        if not dot or rest not in _KNOWN:
            raise ValueError(
                f"{source}: expected keys such as {_PREFIX}encoder_0.lokr_w1, got {shown(key, 80)}"
            )
        layers.setdefault(name, {})[rest] = tensor
    if not layers:
        raise ValueError(f"{source}: expected the layers of a LoKr file, got none")
    return {name: _layer(f"{source}: {printable(name, 80)}", own) for name, own in layers.items()}


def _layer(where: str, tensors: Mapping[str, Tensor]) -> LokrLayer:
    if "dora_scale" in tensors:
        raise ValueError(
            f"{where}: expected a plain LoKr layer, got weight decomposition (dora_scale), which "
            "is not supported; merge it with LyCORIS"
        )
    w1, w2 = read_halves(where, tensors)
    given = tensors.get("alpha")
    if given is None or given.numel() != 1:
        raise ValueError(f"{where}: alpha: expected one number, got {shown(given, 60)}")
    ranks = *LokrLayer(w1, w2, 1.0).ranks, tucker_rank(tensors)
    rank = next((each for each in ranks if each is not None), None)
    alpha = float(given)
    return LokrLayer(w1, w2, alpha / rank if alpha and rank else 1.0)


def write_lycoris(path: Path, layers: Mapping[str, LokrLayer]) -> None:
    """Write layers as a LyCORIS file, whole or not at all.

    Args:
        path: The file; an existing one is replaced.
        layers: By the names that `named_modules` gives.

    Raises:
        OSError: It cannot be written.
        ValueError: A layer that LyCORIS would scale in another way, or two of one name.
    """
    tensors: dict[str, Tensor] = {}
    names: dict[str, str] = {}
    for name, layer in layers.items():
        key = lycoris_name(name)
        other = names.setdefault(key, name)
        if other != name:
            raise ValueError(
                f"LyCORIS has one name for {printable(other, 80)} and {printable(name, 80)}, "
                f'{printable(key, 80)}; save them as format="peft"'
            )
        found = {**layer.tensors(), "alpha": torch.tensor(_alpha(name, layer))}
        tensors |= {f"{key}.{rest}": tensor for rest, tensor in found.items()}
    write_tensors(path, tensors)


def _alpha(name: str, layer: LokrLayer) -> float:
    """The alpha from which LyCORIS finds the layer's scale."""
    rank = next((rank for rank in layer.ranks if rank is not None), None)
    if rank is None and layer.scale != 1:
        raise ValueError(
            f"{printable(name, 80)}: LyCORIS scales two whole matrices by 1, got scale "
            f'{layer.scale:g}; save it as format="peft"'
        )
    return layer.scale * (rank or 1)
