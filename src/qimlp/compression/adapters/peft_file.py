"""LoKr folders of PEFT: `adapter_config.json` and `adapter_model.safetensors`."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite, isqrt
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from qimlp.compression.adapters.folder import adapter_folder
from qimlp.compression.adapters.lokr_layer import TENSORS, LokrLayer, read_halves, tucker_rank
from qimlp.files import printable, read_json_object, shown, write_json
from qimlp.models import read_tensors, write_tensors

Number = TypeVar("Number", int, float)

CONFIG_NAME = "adapter_config.json"
WEIGHTS_NAME = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_KEY = re.compile(rf"{re.escape(_PREFIX)}(.+)\.({'|'.join(TENSORS)})")

#: Names, classes of characters and alternatives, without groups: nothing that could take for ever.
_PATTERN = re.compile(r"\^?(?:[\w.|*+-]|\\[.\-d]|\[[\w-]+\])*\$?")
_LONGEST_PATTERN = 200
_MOST_REPETITIONS = 2


def read_peft(folder: Path) -> dict[str, LokrLayer]:
    """Read the layers of a PEFT LoKr folder; the scale of each is `alpha / r`.

    Args:
        folder: As PEFT's `save_pretrained` writes it.

    Returns:
        Layers by the names of the modules in the model without PEFT.

    Raises:
        OSError: A file is missing, or cannot be read.
        ValueError: A file is damaged or holds something else.
    """
    if not (folder / WEIGHTS_NAME).exists() and os.path.lexists(folder / "adapter_model.bin"):
        raise ValueError(
            f"{printable(str(folder))}: adapter_model.bin is a pickle, which is never read; "
            "convert it to safetensors"
        )
    config = read_json_object(folder / CONFIG_NAME, what="the config of a PEFT adapter")
    source = printable(str(folder / CONFIG_NAME))
    kind = config.get("peft_type")
    if kind != "LOKR":
        raise ValueError(f"{source}: peft_type: expected 'LOKR', got {shown(kind, 40)}")
    layers: dict[str, dict[str, Tensor]] = {}
    weights = printable(str(folder / WEIGHTS_NAME))
    for key, tensor in read_tensors(folder / WEIGHTS_NAME, what="the weights of LoKr").items():
        found = _KEY.fullmatch(key)
        if found is None:
            raise ValueError(
                f"{weights}: expected keys such as {_PREFIX}encoder.0.lokr_w1, got "
                f"{shown(key, 80)}; other tensors (modules_to_save) are not supported"
            )
        layers.setdefault(found[1], {})[found[2]] = tensor
    if not layers:
        raise ValueError(f"{weights}: expected the layers of a LoKr adapter, got none")
    return {
        name: _layer(f"{weights}: {printable(name, 80)}", tensors, *_scaling(source, config, name))
        for name, tensors in layers.items()
    }


def _layer(where: str, tensors: Mapping[str, Tensor], rank: int, alpha: float) -> LokrLayer:
    layer = LokrLayer(*read_halves(where, tensors), alpha / rank)
    for own in (*layer.ranks, tucker_rank(tensors)):
        if own is not None and own != rank:
            raise ValueError(
                f"{where}: expected rank {rank}, as {CONFIG_NAME} says, got matrices of rank {own}"
            )
    return layer


def _scaling(source: str, config: Mapping[str, Any], name: str) -> tuple[int, float]:
    """Rank and alpha of a layer: those of the first pattern that matches its name, or general."""
    values = []
    for key, pattern_key in (("r", "rank_pattern"), ("alpha", "alpha_pattern")):
        patterns = config.get(pattern_key) or {}
        if not isinstance(patterns, dict):
            raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument
                f"{source}: {pattern_key}: expected an object, got {shown(patterns, 60)}"
            )
        value = config.get(key, 8)  # PEFT's default of both
        for pattern, given in patterns.items():
            if _matches(f"{source}: {pattern_key}", pattern, name):
                value = given
                break
        values.append(value)
    rank, alpha = values
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ValueError(f"{source}: r: expected a whole number above 0, got {shown(rank, 40)}")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not isfinite(alpha):
        raise ValueError(f"{source}: alpha: expected a number, got {shown(alpha, 40)}")
    return rank, alpha


def _matches(where: str, pattern: str, name: str) -> bool:
    """Whether a pattern is the end of a name, from the start or a dot on, as PEFT has it.

    Anybody may have written the file, so what could take for ever is refused.
    """
    fits = len(pattern) <= _LONGEST_PATTERN and _PATTERN.fullmatch(pattern) is not None
    try:
        if fits and pattern.count("*") + pattern.count("+") <= _MOST_REPETITIONS:
            return re.match(rf"(.*\.)?({pattern})$", name) is not None
    except re.error:
        pass
    raise ValueError(
        f"{where}: expected names, or patterns without groups and with at most "
        f"{_MOST_REPETITIONS} repetitions, got {shown(pattern, 80)}"
    )


def write_peft(folder: Path, layers: Mapping[str, LokrLayer]) -> None:
    """Write layers as PEFT's `save_pretrained` would, whole or not at all.

    Args:
        folder: The folder; only an earlier adapter is replaced.
        layers: By the names that `named_modules` gives.

    Raises:
        OSError: It cannot be written.
        ValueError: PEFT has no settings that give these shapes.
    """
    config = _config(layers)
    tensors = {
        f"{_PREFIX}{name}.{rest}": tensor
        for name, layer in layers.items()
        for rest, tensor in layer.tensors().items()
    }
    with adapter_folder(folder, (CONFIG_NAME, WEIGHTS_NAME, "README.md")) as new:
        write_tensors(new / WEIGHTS_NAME, tensors)
        write_json(new / CONFIG_NAME, config)


def _config(layers: Mapping[str, LokrLayer]) -> dict[str, Any]:
    both = any(layer.ranks[0] is not None for layer in layers.values())
    ranks = {name: _rank(name, layer, both) for name, layer in layers.items()}
    alphas = {name: _alpha(layer.scale, ranks[name]) for name, layer in layers.items()}
    rank, alpha = _most_common(ranks.values()), _most_common(alphas.values())
    return {
        "peft_type": "LOKR",
        "task_type": None,
        "base_model_name_or_path": None,
        "inference_mode": True,
        "r": rank,
        "alpha": alpha,
        "rank_pattern": {_exactly(n): each for n, each in ranks.items() if each != rank},
        "alpha_pattern": {_exactly(n): each for n, each in alphas.items() if each != alpha},
        "target_modules": "|".join(map(re.escape, layers)),
        "decompose_both": both,
        "decompose_factor": _decompose_factor(layers),
        "init_weights": True,
    }


def _alpha(scale: float, rank: int) -> float:
    whole = round(scale * rank)
    return whole if whole / rank == scale else scale * rank


def _exactly(name: str) -> str:
    return f"^{re.escape(name)}"


def _most_common(values: Iterable[Number]) -> Number:
    return Counter(values).most_common(1)[0][0]


def _rank(name: str, layer: LokrLayer, both: bool) -> int:
    """The r with which PEFT makes a layer's halves whole or pairs as they are here."""
    given: set[int] = {rank for rank in layer.ranks if rank is not None}
    widths = [max(sizes) for sizes in zip(layer.out_dims, layer.in_channels, strict=True)]
    # Without a pair, the least that keeps both halves whole.
    rank: int = min(given, default=max(-(-width // 2) for width in widths))
    whole = [not both or rank >= widths[0] / 2, rank >= widths[1] / 2]
    if len(given) > 1 or whole != [own is None for own in layer.ranks]:
        raise ValueError(
            f"{printable(name, 80)}: PEFT keeps a half of a Kronecker product whole or as a pair "
            'by a rule of its own, which this layer does not follow; save it as format="lycoris"'
        )
    return rank


def _decompose_factor(layers: Mapping[str, LokrLayer]) -> int:
    """The one setting from which PEFT finds every layer's dims."""
    wanted = {dims for layer in layers.values() for dims in (layer.out_dims, layer.in_channels)}
    largest: int = max(first for first, _ in wanted)
    choices: list[int] = [-1, *range(largest, 2 * largest + 1)]
    for factor in choices:
        if all((m, n) == _factorization(m * n, factor) for m, n in wanted):
            return factor
    raise ValueError(
        "PEFT finds the dims of all layers from one number, its decompose_factor; none gives the "
        'dims of these adapters; save them as format="lycoris"'
    )


def _factorization(size: int, factor: int) -> tuple[int, int]:
    """PEFT's own: the factor and the rest, or else divisors near the square root, at most that."""
    if factor > 0 and size % factor == 0:
        return factor, size // factor
    most = size if factor == -1 else factor
    small = max(m for m in range(1, isqrt(size) + 1) if size % m == 0 and m <= most)
    return small, size // small
