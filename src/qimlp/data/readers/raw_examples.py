"""What every reader returns, before labels become class numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.features.offsets import Number
from qimlp.data.readers.error_messages import listed
from qimlp.files import shown


@dataclass(frozen=True, eq=False)
class RawExamples:
    """Examples as one source holds them.

    Attributes:
        origin: File or folder, for messages.
        inputs: (N, in_features), `uint8` or finite `float32`.
        feature_shape: Shape of one example.
        labels: (N,), or (N, T) for T targets, as the source holds them, checked only where they
            are used; `None` for unlabelled data. Where `class_names` is set these are numbers
            of those classes.
        class_names: The source's own names of its classes, if it says.
        feature_names: Column names of a table; empty for images and arrays.
        offsets: What was subtracted from each feature; empty for nothing.
        notes: What the user should know about what was left out or changed, one line each.
        label_names: Names of the columns that hold labels or targets.
    """

    origin: str
    inputs: Tensor
    feature_shape: tuple[int, ...]
    labels: NDArray[Any] | None
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] = ()
    offsets: tuple[Number, ...] = ()
    notes: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()


def examples_from_array(
    array: NDArray[Any],
    origin: str,
    labels: NDArray[Any] | None,
    *,
    class_names: tuple[str, ...] | None = None,
    feature_names: tuple[str, ...] = (),
    offsets: tuple[Number, ...] = (),
    notes: tuple[str, ...] = (),
    label_names: tuple[str, ...] = (),
) -> RawExamples:
    """Check an array of examples and flatten it.

    Args:
        array: (N, *feature_shape), `uint8` or `float32`.
        origin: File or folder, for messages.
        labels: (N,), or `None`.
        class_names: The source's own class names.
        feature_names: Column names of a table.
        offsets: What was subtracted from each feature.
        notes: What the user should know about columns that were left out.
        label_names: Names of the columns that hold labels or targets.

    Returns:
        The examples; `inputs` shares the array's memory where it can.

    Raises:
        ValueError: There are no examples or no features, or a value is NaN or infinite.
    """
    shape = tuple(array.shape[1:])
    if array.size == 0:
        raise ValueError(
            f"{origin}: expected at least one example with features, got an array of {array.shape}"
        )
    flat = array.reshape(len(array), prod(shape))
    if array.dtype.kind == "f":
        check_finite(flat, origin, feature_names)
    inputs = torch.from_numpy(np.require(flat, requirements=["C", "W"]))
    return RawExamples(
        origin, inputs, shape, labels, class_names, feature_names, offsets, notes, label_names
    )


def align_features(
    raw: RawExamples, feature_shape: tuple[int, ...], feature_names: tuple[str, ...]
) -> Tensor:
    """Bring examples into the order of features that a network was or will be trained on.

    Args:
        raw: The examples.
        feature_shape: Shape of one training example.
        feature_names: The training table's column names; empty where it had none.

    Returns:
        Inputs (N, in_features).

    Raises:
        ValueError: The columns differ, or the number of features does.
    """
    wanted = prod(feature_shape)
    if feature_names and raw.feature_names:
        there, known = set(raw.feature_names), set(feature_names)
        missing = [name for name in feature_names if name not in there]
        extra = [name for name in raw.feature_names if name not in known]
        if missing or extra:
            raise ValueError(
                f"{raw.origin}: its columns differ from the training data's: "
                f"missing {listed(missing)}; not expected {listed(extra)}"
            )
        if raw.feature_names != feature_names:
            position = {name: index for index, name in enumerate(raw.feature_names)}
            order = torch.tensor([position[name] for name in feature_names])
            return raw.inputs.index_select(1, order)
    if raw.inputs.shape[1] != wanted:
        raise ValueError(
            f"{raw.origin}: expected {wanted} features per example, of shape {feature_shape}, "
            f"got {raw.inputs.shape[1]}, of shape {raw.feature_shape}"
        )
    return raw.inputs


def check_finite(
    flat: NDArray[Any], origin: str, feature_names: tuple[str, ...], first_row: int = 0
) -> None:
    """Refuse features that are NaN or infinite.

    Args:
        flat: (N, in_features), floats, N at least 1.
        origin: File or folder, for messages.
        feature_names: Column names of a table, or empty.
        first_row: Number of the source's rows before these.

    Raises:
        ValueError: A value is NaN or infinite, as one too large for `float32` is by now; the
            line names its row and column.
    """
    if np.isfinite(flat.min()) and np.isfinite(flat.max()):
        return
    row, column = np.argwhere(~np.isfinite(flat))[0]
    place = f"column {shown(feature_names[column], 60)}" if feature_names else f"feature {column}"
    raise ValueError(
        f"{origin}: row {first_row + row + 1}, {place} is empty, NaN, infinite or too large for "
        "float32: every feature must be a finite number; remove or fill such rows"
    )
