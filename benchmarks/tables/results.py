"""The file of results: one line for each estimator, table and split, which a later run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qimlp.files import read_json_lines

Key = tuple[str, str, int]


def key(row: dict[str, Any]) -> Key:
    """Return what a row was measured of: estimator, table, split."""
    return row["estimator"], row["table"], row["split"]


def read(path: Path) -> dict[Key, dict[str, Any]]:
    """Read results; of rows of one key the last counts.

    Args:
        path: A file that `append` made; may be missing.

    Returns:
        The rows by key.
    """
    if not path.is_file():
        return {}
    return {key(row): row for row in read_json_lines(path, what="results of the tables")}


def append(path: Path, row: dict[str, Any]) -> None:
    """Add one row to the end of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n")


def chosen(
    rows: dict[Key, dict[str, Any]],
    *,
    estimators: Iterable[str],
    tables: Iterable[str],
    splits: Iterable[int],
) -> list[dict[str, Any]]:
    """Return the rows of these estimators, tables and splits, in that order."""
    keys = [(e, t, s) for e in estimators for t in tables for s in splits]
    return [rows[each] for each in keys if each in rows]
