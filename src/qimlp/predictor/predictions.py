"""Predictions as a table on disk: CSV, JSON lines or Parquet."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from qimlp.data import resolve
from qimlp.files import write_bytes

SUFFIXES = (".csv", ".jsonl", ".parquet")


def check_predictions_path(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that predictions can not be written to, before any work is done.

    Args:
        path: The file to come.
        overwrite: Whether an existing file may be replaced.

    Raises:
        ValueError: If its ending is not one of `SUFFIXES`.
        FileNotFoundError: If its folder does not exist.
        FileExistsError: If it exists and may not be replaced.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected an ending of {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} not found: make the folder first")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; use --overwrite or another --out")


def check_not_input(path: Path, source: str, data_dir: str | None) -> None:
    """Refuse to replace what is to be predicted by its predictions.

    Args:
        path: The file to come.
        source: Name or path of the data.
        data_dir: Folder of named data.

    Raises:
        FileNotFoundError: If there is no such data.
        ValueError: If the file is one of the data's, by whatever link.
    """
    if not path.exists():
        return
    given = Path(source).expanduser()
    files = [given]
    if given.suffix != ".txt":
        found = resolve(source, data_dir, texts=True)
        files += map(Path, (*found.train, *found.test))
    if any(file.exists() and path.samefile(file) for file in files):
        raise ValueError(f"--out {path} is the data to predict: choose another file for --out")


def write_predictions(
    path: Path,
    answers: Mapping[str, Sequence[object]],
    files: Sequence[str] = (),
    ids: Mapping[str, Sequence[object]] | None = None,
) -> None:
    """Write one row for each example: its row number, from 1, and the answers.

    Args:
        path: The file; the ending chooses the format.
        answers: Columns by name, from `Task.columns`.
        files: Of images in files, the file of each example, a column of its own.
        ids: A column of the data by name, such as the ids of its rows.

    Raises:
        ValueError: If the ending is unknown.
        OSError: If it cannot be written; no part of it is left then.
    """
    check_predictions_path(path, overwrite=True)
    count = len(next(iter(answers.values())))
    columns: dict[str, Sequence[object]] = {"row": range(1, count + 1)}
    if files:
        columns["file"] = files
    for name, values in (ids or {}).items():
        columns[f"{name} (id)" if name in columns else name] = values
    # A target may be called as one of these columns.
    columns |= {
        (f"{name} (predicted)" if name in columns else name): v for name, v in answers.items()
    }
    write = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}[path.suffix]
    write_bytes(path, write({name: list(values) for name, values in columns.items()}))


def _csv(columns: dict[str, list[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode("utf-8")


def _json_lines(columns: dict[str, list[object]]) -> bytes:
    rows = zip(*columns.values(), strict=True)
    lines = [json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in rows]
    return "".join(line + "\n" for line in lines).encode("utf-8")


def _parquet(columns: dict[str, list[object]]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - only this format needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()
