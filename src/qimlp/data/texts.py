"""Data sets of texts: read them, not yet as numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import label_values
from qimlp.data.readers.columns import TableRequest, pick_labels
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.labels import class_names_of, encode
from qimlp.data.readers.parquet import open_parquet
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.readers.schema import declared_classes, declared_features
from qimlp.data.readers.targets import targets_for
from qimlp.data.sources.hub import hub_table
from qimlp.data.sources.names import resolve
from qimlp.data.sources.paths import is_file, local_path
from qimlp.files import printable
from qimlp.tasks import Classification, Task

TEXT_COLUMN = "text"


@dataclass(frozen=True, eq=False)
class TextSplit:
    """Texts and their classes.

    Attributes:
        texts: N texts.
        labels: Class numbers (N,), `int64`; `None` for unlabelled texts.
        part: `"test"` for new texts of a source that has such a split; else `None`.
        notes: Which column was read where that was a choice, and what was left out.
    """

    texts: tuple[str, ...]
    labels: Tensor | None
    part: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TextDataSet:
    """A data set of texts with its official splits.

    Attributes:
        name: Short name, fit for a folder's name.
        train: Texts to learn from.
        test: Texts to judge by.
        class_names: Name of each class number.
        fingerprint: SHA-256 (hex) over the content of both splits and the class names.
        notes: What the user should know about how it was read, one line each.
    """

    name: str
    train: TextSplit
    test: TextSplit
    class_names: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """What there is to learn."""
        return Classification(self.class_names)

    def labels(self, part: Literal["train", "test"]) -> Tensor:
        """Class numbers of a split.

        Args:
            part: Which split.

        Returns:
            Class numbers (N,), `int64`.

        Raises:
            ValueError: The split has none.
        """
        labels = (self.train if part == "train" else self.test).labels
        if labels is None:
            raise ValueError(f"{self.name}: the {part} split has no labels")
        return labels


def load_texts(
    source: str, *, data_dir: str | Path | None = None, label_column: str | None = None
) -> TextDataSet:
    """Load labelled texts with a train and a test split.

    Args:
        source: `imdb`, `20newsgroups`, a folder of Parquet files with a column `text`, or
            a hub id.
        data_dir: Data folder; by default the one that `QIMLP_DATA` names.
        label_column: Label column, `"label"` by default.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: It has no text column, no test split, or cannot be used.
    """
    name, tables = _tables(source, data_dir, label_column, labels_required=True)
    missing = [part for part in ("train", "test") if part not in tables]
    if missing:
        raise ValueError(
            f"{source}: expected a train and a test split, {listed(missing)} missing; texts are "
            "not split here: put train.parquet and test.parquet into one folder and name it"
        )
    class_names = class_names_of(tables["train"][1])
    splits = {
        part: TextSplit(texts, encode(raw, class_names)) for part, (texts, raw) in tables.items()
    }
    digest = hashlib.sha256(repr(class_names).encode())
    for part in ("train", "test"):
        for text in splits[part].texts:
            digest.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
        digest.update(repr(encode(tables[part][1], class_names).tolist()).encode())
    return TextDataSet(
        name,
        splits["train"],
        splits["test"],
        class_names,
        digest.hexdigest(),
        tables["train"][1].notes,
    )


def load_text_inputs(
    source: str,
    *,
    task: Task | None = None,
    label_column: str | None = None,
    labels_required: bool = False,
    data_dir: str | Path | None = None,
) -> TextSplit:
    """Read new texts: the test split of a source that has one, else all.

    Args:
        source: What `load_texts` takes, one `.parquet` file, or a `.txt` file with one
            text per line.
        task: What the network answers; without it labels are not read.
        label_column: Label column, `"label"` by default.
        labels_required: Whether unlabelled texts are an error.
        data_dir: Data folder.

    Returns:
        The texts.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: It cannot be used.
    """
    path = local_path(source)
    if path.suffix == ".txt" and is_file(path):
        if labels_required:
            raise ValueError(
                f"{printable(str(path))}: a .txt file holds no labels, which are needed here"
            )
        return TextSplit(_lines(path), None)
    _, tables = _tables(source, data_dir, label_column, labels_required=labels_required)
    part = "test" if "test" in tables else None
    texts, raw = tables[part or "train"]
    labels = None if raw.labels is None or task is None else targets_for(raw, task)
    return TextSplit(texts, labels, part, raw.notes)


_Table = tuple[tuple[str, ...], RawExamples]


def _tables(
    source: str, data_dir: str | Path | None, label_column: str | None, *, labels_required: bool
) -> tuple[str, dict[str, _Table]]:
    found = resolve(source, data_dir, texts=True)
    if found.kind not in ("parquet", "hub"):
        raise ValueError(
            f"{source}: texts are read from Parquet files, got {found.kind}; make a folder of "
            "train.parquet and test.parquet with the columns text and label"
        )
    tables: dict[str, _Table] = {}
    for part, files in (("train", found.train), ("test", found.test)):
        table: Any = None
        if found.kind == "hub":
            table = hub_table(found.train[0], part)
        elif files:
            table = _read(files)
        if table is not None:
            origin = f"{source}, split {part}"
            tables[part] = _texts_of(table, origin, label_column, labels_required=labels_required)
    return found.name, tables


def _read(files: Sequence[str]) -> Any:
    parts = []
    for location in files:
        with open_parquet(location) as file:
            parts.append(file.read())
    return import_extra("pyarrow").concat_tables(parts)


def _texts_of(
    table: Any, origin: str, label_column: str | None, *, labels_required: bool
) -> _Table:
    request = TableRequest(label_column, labels_required)
    label = next(iter(pick_labels(table.column_names, request, origin)), None)
    texts = _column_of_texts(table, origin)
    others = [name for name in table.column_names if name not in (TEXT_COLUMN, label)]
    notes: tuple[str, ...] = ()
    if others:
        said = f"the texts are those of column {TEXT_COLUMN!r}; left out {listed(others, 6)}"
        notes = (f"{origin}: {said}",)
    names = declared_classes(declared_features(table.schema, origin), label, origin)
    labels = None
    if label is not None:
        labels = label_values(table.column(label).combine_chunks())
    return texts, RawExamples(origin, torch.empty(0, 0), (0,), labels, names, notes=notes)


def _column_of_texts(table: Any, origin: str) -> tuple[str, ...]:
    if TEXT_COLUMN not in table.column_names:
        raise ValueError(
            f"{origin}: expected a column {TEXT_COLUMN!r} of texts, got "
            f"{listed(table.column_names)}"
        )
    try:
        texts = tuple(table.column(TEXT_COLUMN).to_pylist())
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{origin}: column {TEXT_COLUMN!r} holds bytes that are no text in UTF-8"
        ) from error
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument
                f"{origin}: row {row} of column {TEXT_COLUMN!r} is not a text"
            )
    if not texts:
        raise ValueError(f"{origin}: expected at least one text, got none")
    return texts


def _lines(path: Path) -> tuple[str, ...]:
    """A text per line; other marks that Python's `splitlines` heeds may stand within one."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{printable(str(path))}: expected text in UTF-8, got other bytes at {error.start:,}"
        ) from error
    if not text:
        raise ValueError(f"{printable(str(path))}: expected one text per line, got an empty file")
    return tuple(text.removesuffix("\n").split("\n"))
