"""From labels as people write them (numbers, names) to class numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.files import shown


def as_labels(values: NDArray[Any], origin: str) -> NDArray[Any]:
    """Turn a column of labels into whole numbers or, failing that, names.

    Args:
        values: (N,) of integers, floats, booleans or strings.
        origin: File, for messages.

    Returns:
        (N,) ``int64``, or strings where at least one is not a number.

    Raises:
        ValueError: A label is missing, negative, not a whole number, or of another kind.

    Example:
        ``"7"`` and ``"10"`` are numbers; ``"07"`` and ``"10"`` are names, which keep their zero.
    """
    if values.ndim != 1:
        raise ValueError(f"{origin}: expected one label per example, got shape {values.shape}")
    if values.dtype.kind in "OUS":
        values = _numbers_if_all(_as_names(values, origin))
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{origin}: labels must be class numbers or names, got {values.dtype}")
    return _as_class_numbers(values, origin)


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
        names = tuple(str(label) for label in np.unique(_present(raw)))
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
    """Turn the labels of examples into numbers of given classes, as :func:`class_numbers`.

    Args:
        raw: Labelled examples.
        class_names: Name of each class number.

    Returns:
        Class numbers (N,), ``int64``.

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
        labels: (N,) ``int64`` or strings; numbers of ``own_names`` where these are given.
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
    numbers_count = own_names is None and not all(name.isdigit() for name in class_names)
    mapped = np.full(len(distinct), -1, dtype=np.int64)
    for index, label in enumerate(distinct):
        if own_names is None:
            mapped[index] = number_of.get(str(label), -1)
        elif label < len(own_names):
            mapped[index] = number_of.get(own_names[label], -1)
        if mapped[index] < 0 and numbers_count and distinct.dtype.kind == "i":
            mapped[index] = label if label < len(class_names) else -1
    if (mapped < 0).any():
        label = distinct[np.argmax(mapped < 0)]
        name = shown(own_names[label]) if own_names and label < len(own_names) else label
        raise ValueError(
            f"{origin}: row {int(np.argmax(labels == label)) + 1}: label {name} is out of range: "
            f"it is none of the {len(class_names)} classes {listed(class_names)}"
        )
    return mapped[inverse]


def _present(raw: RawExamples) -> NDArray[Any]:
    if raw.labels is None:
        raise ValueError(f"{raw.origin}: the examples carry no labels, which are needed here")
    return as_labels(raw.labels, raw.origin)


def _as_names(values: NDArray[Any], origin: str) -> NDArray[Any]:
    names = []
    for row, value in enumerate(values.tolist(), start=1):
        name = value.decode() if isinstance(value, bytes) else str(value).strip()
        if value is None or not name:
            raise ValueError(f"{origin}: row {row} has no label")
        names.append(name)
    return np.asarray(names, dtype=np.str_)


def _numbers_if_all(names: NDArray[Any]) -> NDArray[Any]:
    if any(name[0] == "0" and name[1:].isdigit() for name in names.tolist()):
        return names  # as numbers they would lose a zero
    try:
        return names.astype(np.float64)
    except ValueError:
        return names


def _as_class_numbers(values: NDArray[Any], origin: str) -> NDArray[Any]:
    wrong = values < 0 if values.dtype.kind != "b" else np.zeros(len(values), dtype=bool)
    if values.dtype.kind == "f":
        wrong |= ~np.isfinite(values) | (values != np.floor(values))
    wrong |= values.astype(np.float64) >= 2.0**53
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{origin}: row {row + 1}: label {values[row]} is not a class: expected a whole "
            "number of at least 0, or a name (targets of regression are not supported)"
        )
    return values.astype(np.int64)
