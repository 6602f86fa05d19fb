"""Tables of a network in C, and how many bytes they take."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qimlp.export.c.literals import table

_SIZES = {"uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "float": 4}


class Writer:
    """Collects tables, and counts their bytes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[str] = []
        self.bytes = 0

    def table(self, kind: str, name: str, values: ArrayLike) -> str:
        """Add a table; returns its name."""
        flat = np.ravel(np.asarray(values))
        self.bytes += _SIZES[kind] * flat.size
        self.parts.append(table(kind, f"{self.name}_{name}", flat))
        return f"{self.name}_{name}"

    def add(self, text: str, size: int = 0) -> None:
        """Add text, in which `@` stands for the network's name."""
        self.parts.append(text.replace("@", self.name))
        self.bytes += size
