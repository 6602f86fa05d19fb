"""Data sets of texts: read them, not yet as numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from qimlp.data.batching.split import SET_ASIDE_EVERY, rows_of_test
from qimlp.data.dataset import OFFICIAL_TEST
from qimlp.data.readers.columns import DEFAULT_LABEL
from qimlp.data.readers.labels import class_names_of, encode
from qimlp.data.readers.targets import targets_for
from qimlp.data.sources.names import Source, resolve
from qimlp.data.sources.paths import is_file, local_path
from qimlp.data.text_tables import TEXT_COLUMN, TextRequest, read_text_part
from qimlp.files import printable
from qimlp.tasks import Classification, Task


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
        test_origin: Where the test split comes from.
        text_column: Column of the texts.
        label_column: Column of the labels.
    """

    name: str
    train: TextSplit
    test: TextSplit
    class_names: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()
    test_origin: str = OFFICIAL_TEST
    text_column: str = TEXT_COLUMN
    label_column: str | None = None

    @property
    def task(self) -> Task:
        """What there is to learn."""
        return Classification(self.class_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column of texts, where it is not the one that is taken for it anyhow."""
        return () if self.text_column == TEXT_COLUMN else (self.text_column,)

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
    source: str,
    *,
    data_dir: str | Path | None = None,
    label_column: str | None = None,
    split_seed: int = 0,
) -> TextDataSet:
    """Load labelled texts with a train and a test split.

    Args:
        source: `imdb`, `20newsgroups`, a hub id, or a folder or file of tables (Parquet, CSV) with
            a column `text`; where there is none, the one with the longest texts.
        data_dir: Data folder; by default the one that `QIMLP_DATA` names.
        label_column: Label column, `"label"` by default; where there is none, it is guessed as
            `load_table` guesses its target.
        split_seed: Where the source has no test split, a fifth of each class is set aside by this
            seed; `test_origin` says so.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: It has no column of texts, or cannot be used.
    """
    found = _source(source, data_dir)
    train = read_text_part(found, "train", source, TextRequest(label_column))
    if train is None:
        raise ValueError(f"{source}: expected a train split, got only a test split")
    test = read_text_part(found, "test", source, TextRequest(train.label, text=train.text))
    class_names = class_names_of(train.raw)
    labels = encode(train.raw, class_names)
    if test is None:
        rows, aside = rows_of_test(labels, seed=split_seed)
        parts = [_selected(train.texts, labels, chosen) for chosen in (rows, aside)]
        percent = 100 // SET_ASIDE_EVERY
        test_origin = f"{percent} % of the texts of each class, set aside by seed {split_seed}"
    else:
        own = TextSplit(test.texts, encode(test.raw, class_names))
        parts, test_origin = [TextSplit(train.texts, labels), own], OFFICIAL_TEST
    return TextDataSet(
        name=found.name,
        train=parts[0],
        test=parts[1],
        class_names=class_names,
        fingerprint=_fingerprint(class_names, parts),
        notes=train.raw.notes,
        test_origin=test_origin,
        text_column=train.text,
        label_column=train.label,
    )


def _selected(texts: tuple[str, ...], labels: Tensor, rows: Tensor) -> TextSplit:
    return TextSplit(tuple(texts[row] for row in rows.tolist()), labels[rows])


def _fingerprint(class_names: tuple[str, ...], parts: Sequence[TextSplit]) -> str:
    digest = hashlib.sha256(repr(class_names).encode())
    for part in parts:
        for text in part.texts:
            digest.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
        if part.labels is not None:
            digest.update(repr(part.labels.tolist()).encode())
    return digest.hexdigest()


def load_text_inputs(
    source: str,
    *,
    task: Task | None = None,
    label_column: str | None = None,
    labels_required: bool = False,
    text_column: str | None = None,
    data_dir: str | Path | None = None,
    part: Literal["test", "train"] = "test",
) -> TextSplit:
    """Read new texts: one split of a source that has it, else all.

    Args:
        source: What `load_texts` takes, or a `.txt` file with one text per line.
        task: What the network answers; without it labels are not read.
        label_column: Label column, `"label"` by default.
        labels_required: Whether unlabelled texts are an error.
        text_column: Column of the texts; `text` by default, or else the one with the longest.
        data_dir: Data folder.
        part: The split that is read where there is more than one.

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
    request = TextRequest(label_column or DEFAULT_LABEL, labels_required, text_column)
    known = _source(source, data_dir)
    for name in (part, "train" if part == "test" else "test"):
        found = read_text_part(known, name, source, request)
        if found is not None:
            raw = found.raw
            labels = None if raw.labels is None or task is None else targets_for(raw, task)
            return TextSplit(found.texts, labels, "test" if name == "test" else None, raw.notes)
    raise ValueError(f"{source}: expected texts, got none")


def _source(named: str, data_dir: str | Path | None) -> Source:
    found = resolve(named, data_dir, texts=True)
    if found.kind not in ("parquet", "hub", "csv", "table"):
        raise ValueError(
            f"{named}: texts are read from tables (Parquet, CSV), got {found.kind}; make a file "
            "with the columns text and label"
        )
    return found


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
