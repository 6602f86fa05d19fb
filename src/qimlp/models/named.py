"""Networks by name: the paper's on its data sets, the planner's on any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qimlp.files import read_json_object
from qimlp.models.low_rank import LowRankMLP
from qimlp.models.mlp import MLP
from qimlp.models.pretrained import CONFIG_NAME, Pretrained
from qimlp.models.qimlp import QiMLP
from qimlp.models.text_network import TextNetwork
from qimlp.shapes import PAPER_NETWORKS, PAPER_WIDTHS, as_size, plan

#: Names of networks, each with its number of bodies; the controls, of ordinary widths, have none.
NAMED_NETWORKS = {"mlp": None, "low-rank": None, "2b": 2, "3b": 3, "4b": 4}
DEFAULT_DEPTH = 3

_KINDS: dict[str, type[Pretrained]] = {
    network.kind: network for network in (QiMLP, MLP, LowRankMLP, TextNetwork)
}


def named_network(
    model: str,
    *,
    in_features: int,
    num_classes: int,
    data_set: str | None = None,
    depth: int | None = None,
) -> list[tuple[int, ...]] | list[int]:
    """Widths of an `mlp` or `low-rank` network, or dims of a `2b`, `3b` or `4b` network.

    On the paper's data sets (and without a `depth` of one's own) these are the paper's networks.
    Elsewhere every hidden layer is as wide as the input, in the planner's most equal bodies.

    Args:
        model: one of `NAMED_NETWORKS`.
        in_features: width of the input.
        num_classes: width of the output.
        data_set: name of the data set, where it has one.
        depth: number of layers; 3 where none is given.

    Returns:
        A list of widths (`mlp`, `low-rank`) or of tuples, from the input to the output.

    Raises:
        TypeError: a width is no integer.
        ValueError: an unknown name, or a size below 1.
    """
    if model not in NAMED_NETWORKS:
        raise ValueError(f"model: expected one of {', '.join(NAMED_NETWORKS)}, got {model!r}")
    in_features, num_classes = (
        as_size("in_features", in_features),
        as_size("num_classes", num_classes),
    )
    layers = DEFAULT_DEPTH if depth is None else as_size("depth", depth)
    widths = PAPER_WIDTHS.get(data_set or "", ())
    of_paper = depth is None and widths and (widths[0], widths[-1]) == (in_features, num_classes)
    bodies = NAMED_NETWORKS[model]
    if bodies is None:
        return list(widths) if of_paper else [in_features] * layers + [num_classes]
    if of_paper and bodies in PAPER_NETWORKS[str(data_set)]:
        return list(PAPER_NETWORKS[str(data_set)][bodies])
    hidden = plan(in_features, in_features, bodies, limit=1)[0].in_dims
    last = plan(in_features, num_classes, bodies, limit=1)[0].out_dims
    return [hidden] * layers + [last]


def from_config(config: dict[str, Any]) -> Pretrained:
    """Make a new network from what a network's `config` gave.

    Raises:
        ValueError: an unknown kind or key.
    """
    arguments = dict(config)
    network = _network_class(arguments.pop("kind", None), "config")
    try:
        return network(**arguments)
    except TypeError as error:
        raise ValueError(f"config: {error}") from error


def load_pretrained(folder: str | Path) -> Pretrained:
    """Load whichever network a folder holds; see `Pretrained.from_pretrained`.

    Raises:
        FileNotFoundError: no such folder, or a file of it is missing.
        ValueError: a file that is damaged.
    """
    path = Path(folder) / CONFIG_NAME
    config = read_json_object(path, what="network config")
    return _network_class(config.get("kind"), str(path)).from_pretrained(Path(folder))


def _network_class(kind: object, where: str) -> type[Pretrained]:
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"{where}: expected kind to be one of {', '.join(_KINDS)}, got {kind!r}")
    return _KINDS[kind]
