"""Read NumPy archives: ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test``, ``y_test``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data.features.offsets import Survey, centred, offsets_of, survey_columns
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.error_messages import listed, unreadable
from qimlp.data.readers.raw_examples import RawExamples, examples_from_array

_LAYOUT = "x and y, or x_train, y_train, x_test and y_test"


def read_npz(path: Path, part: str, request: TableRequest | None = None) -> RawExamples | None:
    """Read one split from an archive; nothing in it is unpickled.

    Inputs are (N, features), or images (N, H, W), (N, C, H, W) or (N, H, W, C), the last told by
    its 1 or 3 channels and turned channel-first.

    Args:
        path: The archive.
        part: ``"train"`` (also arrays ``x`` and ``y``) or ``"test"``.
        request: Whether labels are needed, and offsets of the features.

    Returns:
        The examples; ``None`` where the archive has no such split. ``uint8`` inputs stay so, other
        numbers become ``float32``; those of (N, features) are shifted where that would blur them.

    Raises:
        ValueError: The archive is truncated or corrupt, or its arrays are unusable.
    """
    names, arrays = _read(path, (f"x_{part}", f"y_{part}", "x", "y"))
    x_name, y_name = _names(names, part, path)
    if x_name is None:
        return None
    x, y = arrays[x_name], arrays.get(y_name)
    request = request or TableRequest()
    examples = replace(_examples(x, f"{path}, array {x_name}", request), origin=str(path))
    if y is not None and y.size == len(x):
        return replace(examples, labels=y.reshape(-1))
    if not request.labels_required:
        return examples
    if y is None:
        raise ValueError(f"{path}: has no array {y_name!r}: expected {_LAYOUT}")
    raise ValueError(
        f"{path}: expected one label per example, got {x_name} of shape {x.shape} and {y_name} "
        f"of shape {y.shape}"
    )


def _read(path: Path, wanted: Sequence[str]) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Names of all arrays, and those arrays of the wanted ones that are there."""
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            names = [] if isinstance(archive, np.ndarray) else list(archive.files)
            return names, {name: archive[name] for name in wanted if name in names}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
        raise unreadable(str(path), "a NumPy .npz archive without Python objects", error) from error


def _names(names: list[str], part: str, path: Path) -> tuple[str | None, str]:
    if f"x_{part}" in names:
        return f"x_{part}", f"y_{part}"
    if part == "train" and "x" in names:
        return "x", "y"
    if "x" in names or "x_train" in names or "x_test" in names:
        return None, ""
    raise ValueError(f"{path}: expected arrays {_LAYOUT}, got {listed(names)}")


def _examples(x: NDArray[Any], origin: str, request: TableRequest) -> RawExamples:
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{origin}: expected numbers, got dtype {x.dtype}")
    if not 2 <= x.ndim <= 4:
        raise ValueError(f"{origin}: expected 2 to 4 dimensions (N, ...), got shape {x.shape}")
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
