"""New data for a network that is already trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from qimlp.data.features.offsets import Number
from qimlp.data.read import read_part
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.raw_examples import align_features
from qimlp.data.readers.targets import targets_for
from qimlp.data.sources.names import resolve
from qimlp.tasks import Task


@dataclass(frozen=True, eq=False)
class Inputs:
    """Examples to predict.

    Attributes:
        origin: File or folder.
        inputs: (N, in_features), `uint8` or `float32`, not scaled yet.
        labels: Class numbers (N,), `int64`, or `None` for unlabelled data.
        part: `"test"` where the source has such a split, which alone was read; else `None`.
        files: Of images in files, their paths in the folder that was named; else empty.
        notes: What the user should know about columns that were left out, one line each.
    """

    origin: str
    inputs: Tensor
    labels: Tensor | None
    part: str | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def load_inputs(
    source: str | Path,
    feature_shape: tuple[int, ...],
    *,
    task: Task | None = None,
    feature_names: tuple[str, ...] = (),
    offsets: tuple[Number, ...] = (),
    label_column: str | tuple[str, ...] | None = None,
    labels_required: bool = False,
    resize: bool = False,
    data_dir: str | Path | None = None,
) -> Inputs:
    """Read new data, with or without labels: the test split of a source that has one, else all.

    Args:
        source: What `qimlp.data.loading` takes, or one image file.
        feature_shape: Shape of one example that the network was trained on.
        task: What the network answers; without it labels are not read.
        feature_names: Columns of the training table; a table is brought into their order, and its
            further columns are left out.
        offsets: What was subtracted from each feature of the training table.
        label_column: Label column of a table, `"label"` by default.
        labels_required: Whether unlabelled data is an error.
        resize: Whether images are brought to the size of the training images.
        data_dir: Data folder; by default the one that `QIMLP_DATA` names.

    Returns:
        The examples.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: The data cannot be used, or its features are not the network's.
    """
    found = resolve(str(source), data_dir)
    request = TableRequest(
        label_column, labels_required, features=tuple(feature_names), offsets=tuple(offsets)
    )
    size = (feature_shape[-2], feature_shape[-1]) if resize else None
    for part in ("test", "train"):
        raw = read_part(found, part, request, size=size)
        if raw is not None:
            inputs = align_features(raw, feature_shape, feature_names)
            labels = None if raw.labels is None or task is None else targets_for(raw, task)
            read = "test" if part == "test" else None
            names = found.image_names(part)
            return Inputs(raw.origin, inputs, labels, read, names, raw.notes)
    raise ValueError(f"{source}: expected examples, got none")
