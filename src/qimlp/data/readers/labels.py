"""From labels as people write them (numbers, names) to class numbers."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.files import printable, shown

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""A whole number as one writes it, and as `str` writes it again: no other spelling is lost."""
_WHOLE_FLOAT = re.compile(rf"({_WHOLE.pattern})\.0")
_NUMBER = re.compile(r"[+-]?([0-9]{1,40}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
_LONGEST_LABEL = 1000


def as_labels(values: NDArray[Any], origin: str) -> NDArray[Any]:
    """Turn a column of labels into whole numbers or, failing that, names.

    Args:
        values: (N,) of integers, floats, booleans or strings.
        origin: File, for messages.

    Returns:
        (N,) `int64`, or strings where at least one is not written as a whole number is.

    Raises:
        ValueError: A label is missing, not a whole number, or of another kind.

    Example:
        `"7"` and `"-10"` are numbers; `"07"`, `"1e5"` and `"1.0"` are names, which stay
        as they are written, and so does every label beside them.
    """
    if values.ndim != 1:
        raise ValueError(f"{origin}: expected one label per example, got shape {values.shape}")
    if values.dtype.kind in "OUS":
        names = _as_names(values, origin)
        written = all(_WHOLE.fullmatch(name) for name in np.unique(names).tolist())
        return names.astype(np.int64) if written else names
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{origin}: labels must be class numbers or names, got {values.dtype}")
    return _as_class_numbers(values, origin)


def written_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Tell a column of numbers from one of names, where the file is nothing but text.

    Args:
        values: (N,) strings.

    Returns:
        Floats, where all are numbers and one of them is not whole: these measure something.
        Without `.0`, where all end so: pandas writes whole numbers like this once there was a
        gap. Else the same.
    """
    texts = [str(value).strip() for value in values.tolist()]
    distinct = set(texts)
    if distinct and all(_WHOLE_FLOAT.fullmatch(text) for text in distinct):
        return np.asarray([text[:-2] for text in texts])
    if all(_NUMBER.fullmatch(text) for text in distinct):
        numbers = np.asarray(texts, dtype=np.float64)
        if (numbers != np.floor(numbers)).any():
            return numbers
    return values


def class_names_of(raw: RawExamples) -> tuple[str, ...]:
    """Name the classes: as the source says, else its distinct labels, sorted.

    Args:
        raw: Labelled training examples.

    Returns:
        Name of each class number.

    Raises:
        ValueError: There are fewer than two classes, or a label is not usable.
    """
    names = raw.class_names
    if names is None:
        names = sorted_names({str(label) for label in np.unique(_present(raw)).tolist()})
    return check_class_names(names, raw.origin)


def check_class_names(names: tuple[str, ...], origin: str) -> tuple[str, ...]:
    """Refuse fewer than two classes, or two of one name.

    Args:
        names: Name of each class number.
        origin: File or folder, for messages.

    Returns:
        The names.

    Raises:
        ValueError: There are fewer than two classes, or names repeat.
    """
    if len(set(names)) < max(2, len(names)):
        raise ValueError(f"{origin}: expected two or more classes that differ, got {listed(names)}")
    return names


def encode(raw: RawExamples, class_names: tuple[str, ...]) -> Tensor:
    """Turn the labels of examples into numbers of given classes, as `class_numbers`.

    Args:
        raw: Labelled examples.
        class_names: Name of each class number.

    Returns:
        Class numbers (N,), `int64`.

    Raises:
        ValueError: A label is none of the classes or not usable, or there are no labels.
    """
    return torch.from_numpy(class_numbers(_present(raw), raw.class_names, class_names, raw.origin))


def class_numbers(
    labels: NDArray[Any],
    own_names: tuple[str, ...] | None,
    class_names: tuple[str, ...],
    origin: str,
) -> NDArray[np.int64]:
    """Look labels up by name.

    Whole numbers also count as class numbers where the classes' names are not numbers themselves.

    Args:
        labels: (N,) `int64` or strings; numbers of `own_names` where these are given.
        own_names: The source's own names of its classes, if it says.
        class_names: Name of each class number wanted.
        origin: File or folder, for messages.

    Returns:
        Class numbers (N,).

    Raises:
        ValueError: A label is none of the classes.
    """
    distinct, inverse = np.unique(labels, return_inverse=True)
    number_of = {name: number for number, name in enumerate(class_names)}
    numbers_count = own_names is None and not all(_WHOLE.fullmatch(name) for name in class_names)
    mapped = np.full(len(distinct), -1, dtype=np.int64)
    for index, label in enumerate(distinct.tolist()):
        mapped[index] = number_of.get(_name_of(label, own_names) or "", -1)
        if mapped[index] < 0 and numbers_count and isinstance(label, int):
            mapped[index] = label if 0 <= label < len(class_names) else -1
    if (mapped < 0).any():
        label = distinct[np.argmax(mapped < 0)]
        name = _name_of(label.item(), own_names)
        said = shown(name, 80) if own_names and name else printable(str(label), 80)
        raise ValueError(
            f"{origin}: row {int(np.argmax(labels == label)) + 1}: label {said} is out of range: "
            f"it is none of the {len(class_names)} classes {listed(class_names)} of the training "
            "data"
        )
    return mapped[inverse]


def _name_of(label: Any, own_names: tuple[str, ...] | None) -> str | None:
    """The name that a source gives a label; `None` for a number beyond its classes."""
    if own_names is None:
        return str(label)
    return own_names[label] if isinstance(label, int) and 0 <= label < len(own_names) else None


def sorted_names(names: Collection[str]) -> tuple[str, ...]:
    """Put the names of classes in order: whole numbers by value, others by their letters.

    Args:
        names: Names that differ.

    Returns:
        The names.
    """
    numbers = all(_WHOLE.fullmatch(name) for name in names)
    return tuple(sorted(names, key=int if numbers else None))


def _present(raw: RawExamples) -> NDArray[Any]:
    if raw.labels is None:
        raise ValueError(f"{raw.origin}: the examples carry no labels, which are needed here")
    return as_labels(raw.labels, raw.origin)


def _as_names(values: NDArray[Any], origin: str) -> NDArray[Any]:
    names = []
    for row, value in enumerate(values.tolist(), start=1):
        try:
            name = value.decode() if isinstance(value, bytes) else str(value)
        except UnicodeDecodeError:
            raise ValueError(f"{origin}: row {row}: its label is no text in UTF-8") from None
        names.append(name.strip())
        if len(names[-1]) > _LONGEST_LABEL:  # as an array it takes as much in every row
            raise ValueError(
                f"{origin}: row {row}: its label has {len(names[-1]):,} characters, expected at "
                f"most {_LONGEST_LABEL:,}"
            )
        if value is None or not names[-1]:
            raise ValueError(f"{origin}: row {row} has no label")
    return np.asarray(names, dtype=np.str_)


def _as_class_numbers(values: NDArray[Any], origin: str) -> NDArray[Any]:
    if values.dtype.kind == "f":
        wrong = ~np.isfinite(values) | (values != np.floor(values)) | (np.abs(values) >= 2.0**53)
    else:
        wrong = values.astype(np.float64) >= 2.0**63
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{origin}: row {row + 1}: label {values[row]} is not a class: expected a whole "
            "number, or a name; numbers that measure something are learned with --task regression"
        )
    return values.astype(np.int64)
