"""A report as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qimlp.correlation.networks.report import CorrelationReport
from qimlp.files import write_json, write_text


def write_report(
    report: CorrelationReport, folder: Path, more: Mapping[str, Any] | None = None
) -> None:
    """Write `report.json` (everything) and `layers.csv` (one row per place and baseline).

    Args:
        report: From `analyze`.
        folder: An existing folder; files of the same names are replaced.
        more: Further entries of the JSON file, plain values.

    Raises:
        OSError: If they cannot be written.
    """
    write_csv(folder / "layers.csv", report.rows())
    write_json(folder / "report.json", {**report.to_dict(), **(more or {})})


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same keys as a CSV file with a header, whole or not at all.

    Args:
        path: The file.
        rows: At least one; None becomes an empty field.

    Raises:
        ValueError: If there is no row.
        OSError: If it cannot be written.
    """
    if not rows:
        raise ValueError("rows: expected at least one, got none")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
