"""In which order a model's layers run, and where it can be entered half-way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qimlp.compression.calibration.leaves import Path


@dataclass(frozen=True)
class Stage:
    """Layers that one and the same tensor goes into.

    Attributes:
        names: Their names, in the order in which they run.
        calls: How often the first of them runs in a forward pass; None where that varies.
        block: Name of the block that they are in; None if they are in none.
    """

    names: tuple[str, ...]
    calls: int | None
    block: str | None


Wire = tuple[Literal["output", "argument"], Path]
"""Which value of the block before: its kind, and where it stands."""


@dataclass(frozen=True)
class Link:
    """How a block's arguments come from the block before it.

    Attributes:
        previous: Name of that block.
        template: The arguments with None for each tensor.
        wires: By where a value stands in the arguments: which value of the previous block it is;
            a value without an entry is as in the template.
    """

    previous: str
    template: Any
    wires: Mapping[Path, Wire]


@dataclass(frozen=True)
class Plan:
    """What a first look at a model has found.

    Attributes:
        stages: In the order in which they run.
        blocks: Names of modules that run once in a forward pass, in that order.
        links: By the name of a block, how its arguments come from the one before it; a block
            without an entry can only be entered through the model.
        altering: Blocks that alter their arguments in place.
    """

    stages: tuple[Stage, ...]
    blocks: tuple[str, ...]
    links: Mapping[str, Link]
    altering: frozenset[str]

    def link_after(self, block: str) -> tuple[str, Link] | None:
        """Say how a block's outputs lead into the next one.

        Args:
            block: Name of a block.

        Returns:
            Name of the next block, and how its arguments come from this one; None where they do
            not.
        """
        for name, link in self.links.items():
            if link.previous == block:
                return name, link
        return None

    def reaches(self, block: str, later: str) -> bool:
        """Say whether links lead from a block to a later one.

        Args:
            block: Name of a block.
            later: Name of another one.

        Returns:
            Whether every block on the way has a link to the next.
        """
        place, end = self.blocks.index(block), self.blocks.index(later)
        return place <= end and all(each in self.links for each in self.blocks[place + 1 : end + 1])
