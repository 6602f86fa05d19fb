"""Which modules of a model are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Protocol

from torch import nn

from qimlp.files import printable, shown

FilterFn = Callable[[nn.Module, str], bool]
"""Which layers are looked at, by the layer and its name."""


class Selection(Protocol):
    """What a configuration says of the layers to take; see `CompressionConfig`."""

    @property
    def skip(self) -> tuple[str, ...]:
        """Names of modules to leave out; `*` stands for any part of a name."""
        ...

    @property
    def on_unsupported(self) -> str:
        """`"skip"` or `"raise"`."""
        ...


def names_of(model: nn.Module) -> dict[int, tuple[nn.Module, list[str]]]:
    """Find a model's modules, each once, with all names that the model has for it.

    Args:
        model: Any module.

    Returns:
        Modules and their names, by the module's `id`, in order.
    """
    names: dict[int, tuple[nn.Module, list[str]]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(id(module), (module, []))[1].append(name)
    return names


def skipped_names(
    names: dict[int, tuple[nn.Module, list[str]]], patterns: Iterable[str]
) -> set[str]:
    """Find the names that a pattern matches, or that lie in a module that one matches.

    Args:
        names: Of `names_of`.
        patterns: `*` stands for any part of a name.

    Returns:
        The names.

    Raises:
        ValueError: A pattern that matches nothing.
    """
    known = [name for _, each in names.values() for name in each if name]
    skipped: set[str] = set()
    for pattern in patterns:
        matched = {name for name in known if fnmatchcase(name, pattern)}
        if not matched:
            near = get_close_matches(pattern, known, 3) or known[:3]
            raise ValueError(
                f"skip: {shown(pattern, 80)} matches no module; the model has "
                f"{printable(', '.join(near), 200)}{' ...' if len(known) > len(near) else ''}"
            )
        skipped |= matched
    return {
        name
        for name in known
        if name in skipped or any(name.startswith(f"{each}.") for each in skipped)
    }
