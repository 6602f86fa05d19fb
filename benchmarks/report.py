"""What the programs share on their way out: verdicts, tables, the JSON file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qimlp.files import write_json


def verdict(met: bool) -> str:
    """What the last column says of a wanted figure."""
    return "met" if met else "NOT met"


def described(where: dict[str, Any]) -> str:
    """What was measured where, on one line."""
    return ", ".join(f"{key} {value}" for key, value in where.items())


def print_heading(title: str, where: dict[str, Any]) -> None:
    """Print what was measured where and how to read it, above the table."""
    print(f"{title}: {described(where)}")
    print(
        "Columns of others: their time over qimlp's (above 1: qimlp is faster). "
        "x floor: qimlp's time over the floor.\n"
    )


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table with aligned columns."""
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    for line in (header, rule, *rows):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("| " + " | ".join(cells) + " |")


def print_left_out(rows: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    """Print which peers were left out of which cases, and why.

    Args:
        rows: Each a case's label and the reasons by the peer's name; a label may come again.
    """
    reasons: dict[tuple[str, str], list[str]] = {}
    for label, left_out in rows:
        for name, reason in left_out.items():
            labels = reasons.setdefault((name, reason), [])
            if label not in labels:
                labels.append(label)
    if reasons:
        print("\nLeft out:")
    count = len({label for label, _ in rows})
    for (name, reason), labels in reasons.items():
        where = "everywhere" if len(labels) == count else "; ".join(labels)
        print(f"- {name}: {reason} ({where})")


def save(
    path: Path | None, program: str, where: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    """Write all rows to `path` as JSON, whole or not at all; do nothing without a path.

    Raises:
        SystemExit: If the file cannot be written, with the reason in one line.
    """
    if path is None:
        return
    try:
        write_json(path, {"program": program, "setting": where, "rows": rows})
    except OSError as error:
        raise SystemExit(
            f"{error.filename}: {error.strerror}; give --json another place"
        ) from error
