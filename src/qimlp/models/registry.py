"""The kinds of networks: each class enters itself, and is found by the name in its config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from qimlp.files import printable, read_json_object, shown
from qimlp.models.pretrained import CONFIG_NAME, Pretrained, build

_KINDS: dict[str, type[Pretrained]] = {}

Kind = TypeVar("Kind", bound=type[Pretrained])


def register(network: Kind) -> Kind:
    """Enter a class of networks under its `kind`, as a decorator of the class.

    `from_config` and `load_pretrained` then make such networks: the config's `kind` names the
    class, its other keys are the constructor's arguments.

    Args:
        network: The class; its attribute `kind` is the name.

    Returns:
        The class.

    Raises:
        ValueError: Another class has that name.
    """
    if _KINDS.get(network.kind, network) is not network:
        raise ValueError(f"kind {network.kind!r}: {_KINDS[network.kind].__name__} has that name")
    _KINDS[network.kind] = network
    return network


def from_config(config: Mapping[str, Any]) -> Pretrained:
    """Make a new network from what a network's `config` gave.

    Args:
        config: The kind and the constructor's arguments.

    Returns:
        A network with new weights.

    Raises:
        ValueError: An unknown kind, or keys and values that make no network.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"config: expected a network's config, got {shown(config)}")  # noqa: TRY004
    arguments = dict(config)
    return build(_find(arguments.pop("kind", None), "config"), arguments, "config")


def load_pretrained(folder: str | Path) -> Pretrained:
    """Load whichever network a folder holds; see `Pretrained.from_pretrained`.

    Args:
        folder: What `save_pretrained` wrote.

    Returns:
        The network on the CPU.

    Raises:
        FileNotFoundError: No such folder, or a file of it is missing.
        ValueError: A file that is damaged.
    """
    path = Path(folder) / CONFIG_NAME
    config = read_json_object(path, what="network config")
    return _find(config.get("kind"), printable(str(path))).from_pretrained(Path(folder))


def _find(kind: object, source: str) -> type[Pretrained]:
    if not isinstance(kind, str) or kind not in _KINDS:
        expected = ", ".join(_KINDS)
        raise ValueError(f"{source}: expected kind to be one of {expected}, got {shown(kind)}")
    return _KINDS[kind]
