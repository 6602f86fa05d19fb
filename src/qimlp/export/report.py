"""What an export made, as a table for the terminal and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ExportReport:
    """What was written, and what it costs.

    Attributes:
        format: `"onnx"`, `"c"`, `"html"` or `"program"`.
        folder: Where it lies.
        files: Size of each file in bytes, by name.
        rows: What was found out about the artefact, in words: what, and how much.
        notes: Choices that were made, and limits to know of; a line each.
        details: The same for programs, ready for JSON.
    """

    format: str
    folder: Path
    files: Mapping[str, int]
    rows: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Give a table of two columns, then the notes."""
        sizes = [(name, f"{size:,} bytes") for name, size in self.files.items()]
        rows = [*sizes, *self.rows]
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{name:<{width}}  {value}" for name, value in rows]
        return "\n".join([*lines, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {
            "format": self.format,
            "folder": str(self.folder),
            "files": dict(self.files),
            "notes": list(self.notes),
            "details": dict(self.details),
        }
