"""A look through all rows of a training table before it is read: widths, offsets, row numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from qimlp.data.features.offsets import Survey, offsets_of
from qimlp.data.readers.arrow import column_numbers, distinct_texts, list_lengths
from qimlp.data.readers.columns import Columns, TableRequest
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.schema import LIST, TEXT, no_numbers
from qimlp.files import printable, shown

_MOST_CATEGORIES = 64
_ROWS_OF_CATEGORY = 2
"""Texts with fewer rows each, on average, are names or sentences, no categories."""

Batches = Callable[[Columns], Iterable[Any]]
"""Reads the record batches that hold given columns."""


def settle(columns: Columns, request: TableRequest, batches: Batches, origin: str) -> Columns:
    """Find out about a table's features what its schema does not say.

    Args:
        columns: Roles by names and types.
        request: Whether to learn, from training rows, what is no feature and what is shifted.
        batches: Reads the rows, each time it is called.
        origin: File or folder, for messages.

    Returns:
        The roles, all widths known; without columns that count rows, and with offsets.

    Raises:
        ValueError: Lists differ in length or hold no numbers, or names repeat.
    """
    if columns.image is not None:
        return columns
    if min(columns.widths, default=0) < 0:
        columns = _measured(columns, batches, origin)
    names = columns.feature_names
    if request.offsets and len(request.offsets) != len(names):
        raise ValueError(
            f"{origin}: expected {len(request.offsets)} features per example, got {len(names)}"
        )
    return _learned(columns, batches, origin) if request.learn else columns


def _measured(columns: Columns, batches: Batches, origin: str) -> Columns:
    """The same with the lengths of the first row's lists, and the categories of texts."""
    widths = dict(zip(columns.features, columns.widths, strict=True))
    texts: dict[str, set[str]] = {name: set() for name, width in widths.items() if width == TEXT}
    rows = 0
    for batch in batches(columns):
        for name in [name for name, width in widths.items() if width == LIST and batch.num_rows]:
            widths[name] = int(list_lengths(batch.column(name).slice(0, 1))[0])
            if widths[name] < 1:
                raise ValueError(
                    f"{origin}: row 1, column {shown(name, 60)}: expected a list of at least one "
                    "number"
                )
        rows += batch.num_rows
        for name, found in texts.items():
            found.update(distinct_texts(batch.column(name)))
            if len(found) > _MOST_CATEGORIES:
                raise no_numbers(name, origin)
        if rows and not texts:
            break
    if not rows:
        raise ValueError(f"{origin}: expected at least one row, got none")
    for name, found in texts.items():
        if not found or rows < _ROWS_OF_CATEGORY * len(found):
            raise no_numbers(name, origin)
        widths[name] = len(found)
    columns = replace(
        columns,
        widths=tuple(widths.values()),
        categories=tuple(tuple(sorted(texts.get(name, ()))) for name in widths) if texts else (),
        notes=columns.notes + _on_categories(texts, origin),
    )
    if len(set(columns.feature_names)) < len(columns.feature_names):
        raise ValueError(f"{origin}: columns are named like places or categories of other columns")
    return columns


def _on_categories(texts: dict[str, set[str]], origin: str) -> tuple[str, ...]:
    if not texts:
        return ()
    counts = ", ".join(f"{shown(name, 40)} ({len(found)})" for name, found in texts.items())
    return (
        f"{origin}: texts are read as categories, each a feature of 1 and 0, in "
        f"{printable(counts, 200)}; a missing or unknown one is none of them",
    )


def _learned(columns: Columns, batches: Batches, origin: str) -> Columns:
    names = columns.feature_names
    surveys = {name: Survey() for name in names}
    row = 0
    for batch in batches(columns):
        seen = iter(surveys.values())
        for name, width, texts in columns.feature_columns:
            if texts:  # which are 1 and 0
                for _ in texts:
                    next(seen)
                continue
            values = column_numbers(batch.column(name), name, width, origin, row)
            for place in values.T:
                next(seen).add(place)
        row += batch.num_rows
    counting = [
        name
        for name, width in zip(columns.features, columns.column_widths, strict=True)
        if not width and surveys[name].counts_rows
    ]
    if not counting:
        offsets = offsets_of(list(surveys.values()))
        return replace(
            columns, offsets=offsets, notes=columns.notes + _perhaps_rows(surveys, origin)
        )
    begin = surveys[counting[0]].beginning
    if len(counting) == len(columns.features):
        note = (
            f"{origin}: {listed(counting)} counts rows ({begin}) and is kept, for there is no "
            "other feature: if it is a row number, the network learns the order of the file"
        )
        counting = []
    else:
        note = (
            f"{origin}: left out {listed(counting)}, which counts rows ({begin}): a row number is "
            "no feature; shuffle the rows to keep it"
        )
    left = [column for column in columns.feature_columns if column[0] not in counting]
    kept = {name: survey for name, survey in surveys.items() if name not in counting}
    return replace(
        columns,
        features=tuple(name for name, _, _ in left),
        widths=tuple(width for _, width, _ in left) if columns.widths else (),
        categories=tuple(texts for _, _, texts in left) if columns.categories else (),
        offsets=offsets_of(list(kept.values())),
        notes=(*columns.notes, note, *_perhaps_rows(kept, origin)),
    )


def _perhaps_rows(surveys: dict[str, Survey], origin: str) -> tuple[str, ...]:
    """What may be a row number of rows that were taken out or shuffled: only the user knows."""
    rising = [name for name, survey in surveys.items() if survey.rises]
    shuffled = [name for name, survey in surveys.items() if survey.numbers_rows]
    kinds = (
        (rising, "rises from row to row, as a row number with gaps does"),
        (shuffled, "holds each of as many whole numbers once, as shuffled row numbers do"),
    )
    if len(rising) + len(shuffled) == len(surveys):
        return ()
    return tuple(
        f"{origin}: {listed(names)} {what}, and is kept: if it is one, leave it out with "
        f"--drop-column {shown(names[0], 40)}"
        for names, what in kinds
        if names
    )
