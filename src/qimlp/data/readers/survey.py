"""A look through all rows of a training table before it is read: widths, offsets, row numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from qimlp.data.features.offsets import Survey, offsets_of
from qimlp.data.readers.arrow import column_numbers, list_lengths
from qimlp.data.readers.columns import LIST, Columns, TableRequest
from qimlp.data.readers.error_messages import listed

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
    if LIST in columns.widths:
        columns = _measured(columns, batches, origin)
    names = columns.feature_names
    if request.offsets and len(request.offsets) != len(names):
        raise ValueError(
            f"{origin}: expected {len(request.offsets)} features per example, got {len(names)}"
        )
    return _learned(columns, batches, origin) if request.learn else columns


def _measured(columns: Columns, batches: Batches, origin: str) -> Columns:
    """The same with the lengths of the first row's lists."""
    batch = next((batch for batch in batches(columns) if batch.num_rows), None)
    if batch is None:
        raise ValueError(f"{origin}: expected at least one row, got none")
    widths = []
    for name, width in zip(columns.features, columns.widths, strict=True):
        length = int(list_lengths(batch.column(name).slice(0, 1))[0]) if width == LIST else 0
        if width == LIST and length < 1:
            raise ValueError(
                f"{origin}: row 1, column {name!r}: expected a list of at least one number"
            )
        widths.append(length)
    columns = replace(columns, widths=tuple(widths))
    if len(set(columns.feature_names)) < len(columns.feature_names):
        raise ValueError(f"{origin}: columns of numbers are named like places in those of lists")
    return columns


def _learned(columns: Columns, batches: Batches, origin: str) -> Columns:
    names = columns.feature_names
    surveys = {name: Survey() for name in names}
    row = 0
    for batch in batches(columns):
        seen = iter(surveys.values())
        for name, width in zip(columns.features, columns.column_widths, strict=True):
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
        return replace(columns, offsets=offsets_of(list(surveys.values())))
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
    widths = dict(zip(columns.features, columns.column_widths, strict=True))
    for name in counting:
        del widths[name]
    kept = [survey for name, survey in surveys.items() if name not in counting]
    return replace(
        columns,
        features=tuple(widths),
        widths=tuple(widths.values()) if any(widths.values()) else (),
        offsets=offsets_of(kept),
        notes=(*columns.notes, note),
    )
