"""Read NumPy archives: `x` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data.features.offsets import Survey, centred, offsets_of, survey_columns
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.npz_members import Member, open_archive
from qimlp.data.readers.raw_examples import RawExamples, examples_from_array
from qimlp.files import printable

_LAYOUT = "x and y, or x_train, y_train, x_test and y_test"


def read_npz(path: Path, part: str, request: TableRequest | None = None) -> RawExamples | None:
    """Read one split from an archive; nothing in it is unpickled.

    Inputs are (N, features), or images (N, H, W), (N, C, H, W) or (N, H, W, C), the last told by
    its 1 or 3 channels and turned channel-first.

    Args:
        path: The archive.
        part: `"train"` (also arrays `x` and `y`) or `"test"`.
        request: Whether labels are needed, and offsets of the features.

    Returns:
        The examples; `None` where the archive has no such split. `uint8` inputs stay so, other
        numbers become `float32`; those of (N, features) are shifted where that would blur them.

    Raises:
        ValueError: The archive is truncated or corrupt, or its arrays are unusable.
    """
    request = request or TableRequest()
    origin = printable(str(path))
    with open_archive(path) as archive:
        x_name, y_name = _names(archive.names, part, origin)
        if x_name is None:
            return None
        x = archive.member(x_name)
        place = f"{origin}, array {x_name}"
        _check_examples(x, place)
        y = archive.member(y_name) if y_name in archive.names else None
        labelled = y is not None and _fits(y, x)
        if request.labels_required and not labelled:
            raise _without_labels(origin, x, y, y_name)
        examples = replace(_examples(archive.read(x), place, request), origin=origin)
        if y is None or not labelled:
            return examples
        return _labelled(examples, archive.read(y))


def _fits(y: Member, x: Member) -> bool:
    """Whether there is one label for each example, or one row of targets."""
    rows = x.shape[0]
    return prod(y.shape) == rows or (len(y.shape) == 2 and y.shape[0] == rows and y.shape[1] > 0)


def _labelled(examples: RawExamples, y: NDArray[Any]) -> RawExamples:
    if y.size == len(examples.inputs):
        return replace(examples, labels=y.reshape(-1), label_names=("y",))
    names = tuple(f"y[{target}]" for target in range(y.shape[1]))
    return replace(examples, labels=y, label_names=names)


def _without_labels(origin: str, x: Member, y: Member | None, y_name: str) -> ValueError:
    if y is None:
        return ValueError(f"{origin}: has no array {y_name!r}: expected {_LAYOUT}")
    return ValueError(
        f"{origin}: expected one label per example, got {x.name} of shape {x.shape} and {y_name} "
        f"of shape {y.shape}"
    )


def _names(names: list[str], part: str, origin: str) -> tuple[str | None, str]:
    if f"x_{part}" in names:
        return f"x_{part}", f"y_{part}"
    if part == "train" and "x" in names:
        return "x", "y"
    if "x" in names or "x_train" in names or "x_test" in names:
        return None, ""
    raise ValueError(f"{origin}: expected arrays {_LAYOUT}, got {listed(names)}")


def _check_examples(x: Member, origin: str) -> None:
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{origin}: expected numbers, got dtype {printable(str(x.dtype), 60)}")
    if not 2 <= len(x.shape) <= 4:
        raise ValueError(f"{origin}: expected 2 to 4 dimensions (N, ...), got shape {x.shape}")
    if 0 in x.shape:
        raise ValueError(
            f"{origin}: expected at least one example with features, got an array of {x.shape}"
        )


def _examples(x: NDArray[Any], origin: str, request: TableRequest) -> RawExamples:
    if x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.transpose(0, 3, 1, 2)
    if x.ndim == 4 and x.shape[1] == 1:
        x = x[:, 0]
    if x.dtype == np.uint8:
        return examples_from_array(np.ascontiguousarray(x), origin, None)
    if x.ndim > 2:
        with np.errstate(over="ignore"):
            return examples_from_array(np.ascontiguousarray(x, dtype=np.float32), origin, None)
    offsets = request.offsets
    notes: tuple[str, ...] = ()
    if request.learn:
        surveys = survey_columns(x)
        offsets, notes = offsets_of(surveys), _notes(surveys, origin)
    elif offsets and len(offsets) != x.shape[1]:
        raise ValueError(f"{origin}: expected {len(offsets)} features, got {x.shape[1]}")
    return examples_from_array(centred(x, offsets), origin, None, offsets=offsets, notes=notes)


def _notes(surveys: list[Survey], origin: str) -> tuple[str, ...]:
    """Features of an array have no names to leave them out by."""
    counting = [number for number, survey in enumerate(surveys) if survey.counts_rows]
    if not counting:
        return ()
    return (
        f"{origin}: feature {counting[0]} (of {len(surveys)}, from 0) counts rows "
        f"({surveys[counting[0]].beginning}) and is kept: a row number is no feature, so leave it "
        "out of the array",
    )
