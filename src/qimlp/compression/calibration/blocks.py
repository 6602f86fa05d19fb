"""Blocks: modules that run one after another, so that each can be run again without the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.compression.calibration.hooks import After, Before
from qimlp.compression.calibration.leaves import Path, leaves, rebuilt, tensors, version_of
from qimlp.compression.calibration.plan import Link, Wire

_PLAIN = (Tensor, int, float, str, torch.dtype, torch.device)
_MOST = 2 / 3


def block_names(model: nn.Module, names: Iterable[str]) -> list[str]:
    """Find what may be blocks: the children of a model's lists and sequences of modules.

    Args:
        model: Any module.
        names: Of the layers of interest. A child with a list inside that holds most of the child's
            layers is not one block but as many as that list has entries.

    Returns:
        Names of modules, none inside another.
    """
    return _blocks(model, "", list(names))


def _blocks(module: nn.Module, name: str, layers: list[str]) -> list[str]:
    within = [
        (f"{name}.{each}" if name else each, child)
        for each, child in module.named_children()
        if not isinstance(child, torch.jit.ScriptModule)  # takes no hooks
    ]
    if not isinstance(module, nn.ModuleList | nn.Sequential):
        return [each for path, child in within for each in _blocks(child, path, layers)]
    made = []
    for path, child in within:
        inner = _blocks(child, path, layers)
        all_in_child = sum(each.startswith(f"{path}.") for each in layers)
        in_inner = sum(each == b or each.startswith(f"{b}.") for each in layers for b in inner)
        is_sequence = type(child).forward is nn.Sequential.forward
        split = len(inner) > 1 and (is_sequence or in_inner > _MOST * all_in_child)
        made += inner if split else [path]
    return made


class BlockWatch:
    """Follows which blocks run, and how the arguments of each come from the one before.

    Attributes:
        before: What to call before each block.
        after: What to call after each block.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._order: list[str] = []
        self._calls: Counter[str] = Counter()
        self._unfit: set[str] = set()
        self._altering: set[str] = set()
        self._links: dict[str, Link] = {}
        self._last: _Ran | None = None
        self._running: _Ran | None = None
        self.before: dict[str, Before] = {name: partial(self._entered, name) for name in names}
        self.after: dict[str, After] = {name: partial(self._left, name) for name in names}

    @property
    def altering(self) -> frozenset[str]:
        """Names of blocks that alter their arguments in place."""
        return frozenset(self._altering)

    def found(self) -> tuple[str, ...]:
        """Names of the blocks that run once and can be run again, in order."""
        return tuple(
            name for name in self._order if self._calls[name] == 1 and name not in self._unfit
        )

    def links_among(self, found: Sequence[str]) -> dict[str, Link]:
        """How blocks follow on the one before, by the name of the later."""
        following = dict(zip(found[1:], found, strict=False))
        return {
            name: link for name, link in self._links.items() if following.get(name) == link.previous
        }

    def _entered(self, name: str, args: Any, kwargs: Any) -> None:
        if name not in self._order:
            self._order.append(name)
        self._calls[name] += 1
        if self._running is not None:  # a block that another one calls
            self._unfit |= {name, self._running.name}
        call = (args, kwargs)
        if not all(_is_plain(leaf) for _, leaf in leaves(call)):
            self._unfit.add(name)
        link = None if self._last is None else self._last.link_to(call)
        if link is not None:
            self._links[name] = link
        self._running = _Ran(name, call)

    def _left(self, name: str, _: Any, __: Any, output: Any) -> None:
        ran, self._running = self._running, None
        if ran is None or ran.name != name:
            return
        if ran.altered():
            self._altering.add(name)
        ran.outputs = _versioned(output)
        self._last = ran


class _Ran:
    """A block with the arguments that it was called with and, later, what it returned."""

    def __init__(self, name: str, call: Any) -> None:
        self.name = name
        self.outputs: dict[Path, tuple[Tensor, int]] = {}
        self._values = dict(leaves(call))
        self._arguments = _versioned(call)

    def altered(self) -> bool:
        return any(version_of(tensor) != version for tensor, version in self._arguments.values())

    def link_to(self, call: Any) -> Link | None:
        """How the next block's arguments come from this one; None where they do not."""
        wires: dict[Path, Wire] = {}
        for path, leaf in leaves(call):
            if isinstance(leaf, Tensor):
                if (place := _place(leaf, self.outputs)) is not None:
                    wires[path] = ("output", place)
                elif (place := _place(leaf, self._arguments)) is not None:
                    wires[path] = ("argument", place)
                else:
                    return None
            elif leaf is not None and not isinstance(leaf, bool):
                if self._values.get(path) != leaf:
                    return None
                wires[path] = ("argument", path)
        return Link(self.name, rebuilt(call, dict.fromkeys(tensors(call))), wires)


def _place(tensor: Tensor, among: dict[Path, tuple[Tensor, int]]) -> Path | None:
    """Where a tensor, unaltered since, stands among others."""
    for path, (each, version) in among.items():
        if each is tensor and version_of(tensor) == version:
            return path
    return None


def _versioned(value: Any) -> dict[Path, tuple[Tensor, int]]:
    return {path: (tensor, version_of(tensor)) for path, tensor in tensors(value).items()}


def _is_plain(leaf: object) -> bool:
    return leaf is None or isinstance(leaf, _PLAIN)
