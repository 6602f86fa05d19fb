"""Tables with a column of texts: which column it is, and which holds the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import label_values
from qimlp.data.readers.columns import DEFAULT_LABEL, TableRequest, pick_labels
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.labels import written_numbers
from qimlp.data.readers.parquet import open_parquet
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.readers.schema import declared_classes, declared_features
from qimlp.data.sources.hub import hub_table
from qimlp.data.sources.names import Source
from qimlp.data.table_files.reading import read_cells
from qimlp.data.table_files.targets import pick_targets
from qimlp.files import shown

TEXT_COLUMN = "text"


@dataclass(frozen=True)
class TextRequest:
    """What is asked of a table with texts.

    Attributes:
        label: The label column; None to guess it.
        labels_required: Whether unlabelled data is an error.
        text: The column of texts; None for `text`, or else the one with the longest.
    """

    label: str | None = None
    labels_required: bool = True
    text: str | None = None


@dataclass(frozen=True, eq=False)
class TextTable:
    """Texts of one part, with their labels as they are written.

    Attributes:
        texts: N texts.
        raw: Their labels, without inputs.
        text: The column of the texts.
        label: That of the labels, or None.
    """

    texts: tuple[str, ...]
    raw: RawExamples
    text: str
    label: str | None


def read_text_part(source: Source, part: str, named: str, request: TextRequest) -> TextTable | None:
    """Read the texts of one part.

    Args:
        source: Where the data lies.
        part: `"train"` (or everything, where nothing is split) or `"test"`.
        named: What the user called the data, for messages.
        request: Which columns.

    Returns:
        The texts; `None` where the source has no such part.

    Raises:
        ValueError: It has no column of texts or lacks one that was asked for, or is unusable.
    """
    origin = f"{named}, split {part}"
    files = source.train if part == "train" else source.test
    if source.kind == "hub":
        table = hub_table(source.train[0], part)
    else:
        table = _read(source.kind, files) if files else None
    if table is None:
        return None
    found = _texts_of(table, origin, request)
    if source.kind not in ("parquet", "hub") and found.raw.labels is not None:
        raw = replace(found.raw, labels=written_numbers(found.raw.labels))
        return replace(found, raw=raw)
    return found


def _read(kind: str, files: Sequence[str]) -> Any:
    if kind in ("csv", "table"):
        return read_cells(Path(files[0])).cells
    parts = []
    for location in files:
        with open_parquet(location) as file:
            parts.append(file.read())
    return import_extra("pyarrow").concat_tables(parts)


def _texts_of(table: Any, origin: str, request: TextRequest) -> TextTable:
    names = list(table.column_names)
    known = request.label or (DEFAULT_LABEL if DEFAULT_LABEL in names else None)
    text = request.text or _text_column(table, known, origin)
    guessed = known is None and request.labels_required
    if guessed:
        known = next(iter(pick_targets([name for name in names if name != text], (), ())), None)
    asked = TableRequest(known, request.labels_required)
    label = next(iter(pick_labels(names, asked, origin)), None)
    texts = _column_of_texts(table, text, origin)
    labels = None if label is None else label_values(table.column(label).combine_chunks())
    classes = declared_classes(declared_features(table.schema, origin), label, origin)
    notes = _notes(names, text, label, origin)
    if guessed:
        notes = (*notes, f"{origin}: the labels are those of column {shown(label, 60)}")
    raw = RawExamples(origin, torch.empty(0, 0), (0,), labels, classes, notes=notes)
    return TextTable(texts, raw, text, label)


def _notes(names: list[str], text: str, label: str | None, origin: str) -> tuple[str, ...]:
    others = [name for name in names if name not in (text, label)]
    said = [f"the texts are those of column {shown(text, 60)}"] if others or text != "text" else []
    said += [f"left out {listed(others, 6)}"] if others else []
    return (f"{origin}: {'; '.join(said)}",) if said else ()


def _text_column(table: Any, label: str | None, origin: str) -> str:
    """`text`, or else the column with the longest texts."""
    if TEXT_COLUMN in table.column_names:
        return TEXT_COLUMN
    types, compute = import_extra("pyarrow").types, import_extra("pyarrow.compute")
    lengths: dict[str, float] = {
        field.name: compute.mean(compute.binary_length(table.column(field.name))).as_py() or 0
        for field in table.schema
        if field.name != label
        and (types.is_string(field.type) or types.is_large_string(field.type))
    }
    if not lengths:
        raise ValueError(
            f"{origin}: expected a column {TEXT_COLUMN!r} of texts, got "
            f"{listed(table.column_names)}"
        )
    return max(lengths, key=lengths.__getitem__)


def _column_of_texts(table: Any, name: str, origin: str) -> tuple[str, ...]:
    if name not in table.column_names:
        raise ValueError(
            f"{origin}: expected a column {name!r} of texts, got {listed(table.column_names)}"
        )
    try:
        texts = tuple(table.column(name).to_pylist())
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{origin}: column {name!r} holds bytes that are no text in UTF-8"
        ) from error
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument
                f"{origin}: row {row} of column {name!r} is not a text"
            )
    if not texts:
        raise ValueError(f"{origin}: expected at least one text, got none")
    return texts
