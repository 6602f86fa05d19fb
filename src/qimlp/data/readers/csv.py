"""Read a CSV file: a header line, one row per example, numbers beside the label column.

A column of true and false counts as one of 1 and 0.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import collect
from qimlp.data.readers.columns import Columns, pick_label
from qimlp.data.readers.error_messages import first_line, unreadable
from qimlp.data.readers.raw_examples import RawExamples

_LONGEST_ROW = 1 << 24
"""Bytes the reader takes at a time: no row may be longer."""
_TRUE, _FALSE = ("True", "true", "TRUE"), ("False", "false", "FALSE")


def read_csv(
    path: Path, label_column: str | None = None, *, labels_required: bool = True
) -> RawExamples:
    """Read one split from a comma-separated file.

    Args:
        path: The file, UTF-8, whose first line names the columns.
        label_column: The user's choice, ``"label"`` by default; whole numbers or names.
        labels_required: Whether unlabelled data is an error.

    Returns:
        The examples; features as ``float32``.

    Raises:
        ValueError: The file is no table, the label column is missing, or a value is not usable.
    """
    arrow_csv, pyarrow = import_extra("pyarrow.csv"), import_extra("pyarrow")
    origin = str(path)
    header, first = _first_rows(path)
    label = pick_label(header, label_column, origin, labels_required=labels_required)
    features = tuple(name for name in header if name != label)
    if not features:
        raise ValueError(f"{origin}: has no feature column beside the label column {label!r}")
    # Types are given, not guessed: a guess looks at the first rows only.
    types = dict.fromkeys(features, pyarrow.float32())
    for name, cell in zip(header, first, strict=False):
        if cell in _TRUE + _FALSE:
            types[name] = pyarrow.bool_()
    if label is not None:
        types[label] = pyarrow.string()
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(block_size=_LONGEST_ROW),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, true_values=_TRUE, false_values=_FALSE
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise _explained(error, header, origin) from error
    columns = Columns(image=None, features=features, label=label, class_names=None)
    return collect(table.to_batches(), columns, table.num_rows, origin)


def _first_rows(path: Path) -> tuple[list[str], list[str]]:
    """The names of the columns, and the first row below them; empty where there is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            first = next(filter(None, rows), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise unreadable(str(path), "a CSV file in UTF-8", error) from error
    if not header:
        raise ValueError(f"{path}: expected a CSV file whose first line names columns, got none")
    for mark, what in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0] and (not first or mark in "".join(first)):
            raise ValueError(
                f"{path}: expected columns separated by commas, got {what}: write it with commas "
                "between columns and points in numbers"
            )
    return header, first


def _explained(error: Exception, header: list[str], origin: str) -> ValueError:
    conversion = re.search(r"column #(\d+): .*conversion error to (\w+).*?: (.*)", str(error))
    if conversion is None:
        return unreadable(origin, "a CSV file", error)
    name, value = header[int(conversion[1])], first_line(ValueError(conversion[3]))
    if conversion[2] == "bool":
        return ValueError(
            f"{origin}: column {name!r} begins with true or false and holds something else, too "
            f"({value}): write 1 and 0 there, or true and false in every row"
        )
    return ValueError(
        f"{origin}: column {name!r} holds something else than numbers ({value}): "
        "every column beside the label column must hold numbers, so encode or drop it; texts are "
        "read from a folder of train.parquet and test.parquet, with --text tfidf or --encoder NAME"
    )
