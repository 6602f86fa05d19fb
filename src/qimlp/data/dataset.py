"""What a data set is once it is read: checked tensors and what they mean."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from qimlp.data.features.offsets import Number
from qimlp.tasks import Classification, Regression, Task

OFFICIAL_TEST = "the source's own test split"
"""`test_origin` of data that came with one."""


@dataclass(frozen=True, eq=False)
class TensorSplit:
    """Examples and what a network is to answer.

    Attributes:
        inputs: Contiguous CPU tensor (N, in_features), `uint8` (pixels) or finite `float32`.
        labels: Class numbers (N,), `int64`, none negative; or the targets of a regression (N, T),
            finite `float64`.

    Raises:
        TypeError: A tensor has another dtype.
        ValueError: A shape, device or value is not as described above, or N is 0.
    """

    inputs: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        inputs, labels = self.inputs, self.labels
        if inputs.dtype not in (torch.uint8, torch.float32):
            raise TypeError(f"expected uint8 or float32 inputs, got {inputs.dtype}: convert them")
        if labels.dtype not in (torch.int64, torch.float32, torch.float64):
            raise TypeError(
                f"expected int64 labels or float64 targets, got {labels.dtype}: convert them"
            )
        expected = 2 if labels.is_floating_point() else 1
        if inputs.ndim != 2 or labels.ndim != expected or len(labels) != len(inputs):
            raise ValueError(
                "expected inputs (N, in_features) and labels (N,) or targets (N, T), "
                f"got {tuple(inputs.shape)} and {tuple(labels.shape)}"
            )
        if inputs.numel() == 0:
            raise ValueError(f"expected at least one example, got inputs {tuple(inputs.shape)}")
        if inputs.device.type != "cpu" or labels.device.type != "cpu":
            raise ValueError(f"expected CPU tensors, got {inputs.device} and {labels.device}")
        if not inputs.is_contiguous():
            raise ValueError("expected contiguous inputs: call .contiguous() on them")
        if inputs.is_floating_point() and not all(
            bool(torch.isfinite(bound)) for bound in inputs.aminmax()
        ):
            raise ValueError("inputs hold NaN or infinite values: remove or replace them")
        if labels.is_floating_point():
            if not bool(torch.isfinite(labels).all()):
                raise ValueError("targets hold NaN or infinite values: remove or replace them")
        elif int(labels.min()) < 0:
            raise ValueError(f"labels must be 0 or more, got {int(labels.min())}")

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    def select(self, rows: Tensor) -> TensorSplit:
        """Copy some examples.

        Args:
            rows: Row numbers (K,), `int64`.

        Returns:
            The K examples, in the order of `rows`.
        """
        return TensorSplit(self.inputs.index_select(0, rows), self.labels.index_select(0, rows))


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set held in memory.

    Attributes:
        name: Short name, fit for a folder's name.
        train: Examples to learn from.
        test: Examples to judge by, kept apart.
        class_names: Name of each class number; none where the task is regression.
        feature_shape: Shape of one example, `(H, W)` for grey images, `(C, H, W)` for
            colour images, `(F,)` for tables; `in_features` is its product.
        fingerprint: SHA-256 (hex) over the content of both splits and the class names.
        test_origin: Where the test split comes from.
        feature_names: Column names of a table; empty for images and arrays.
        target_names: Names of the targets of a regression.
        offsets: What was subtracted from each feature of a table before it became `float32`;
            empty where nothing was.
        notes: What the user should know about columns that were left out, one line each.

    Raises:
        ValueError: Splits, shape and classes do not agree.
    """

    name: str
    train: TensorSplit
    test: TensorSplit
    class_names: tuple[str, ...]
    feature_shape: tuple[int, ...]
    fingerprint: str
    test_origin: str
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    offsets: tuple[Number, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part, split in (("train", self.train), ("test", self.test)):
            if split.inputs.shape[1] != self.in_features:
                raise ValueError(
                    f"{self.name}: expected {self.in_features} features as in shape "
                    f"{self.feature_shape}, the {part} split has {split.inputs.shape[1]}"
                )
            self._check_labels(part, split.labels)
        if self.train.inputs.dtype != self.test.inputs.dtype:
            raise ValueError(
                f"{self.name}: train and test must share one dtype, got "
                f"{self.train.inputs.dtype} and {self.test.inputs.dtype}"
            )

    def _check_labels(self, part: str, labels: Tensor) -> None:
        if self.target_names:
            if labels.shape[1:] != (len(self.target_names),):
                raise ValueError(
                    f"{self.name}: expected {len(self.target_names)} targets, the {part} split has "
                    f"{tuple(labels.shape[1:])}"
                )
        elif labels.is_floating_point() or int(labels.max()) >= len(self.class_names):
            raise ValueError(
                f"{self.name}: label {labels.max().item()} in the {part} split is out of range: "
                f"there are {len(self.class_names)} classes, numbered from 0"
            )

    @property
    def in_features(self) -> int:
        """Number of input features of one example."""
        return prod(self.feature_shape)

    @property
    def task(self) -> Task:
        """What there is to learn, before anything is known of the train part."""
        if self.target_names:
            return Regression.of(self.target_names)
        return Classification(self.class_names)


def fingerprint(
    train: TensorSplit,
    test: TensorSplit,
    class_names: tuple[str, ...],
    offsets: tuple[Number, ...] = (),
) -> str:
    """Hash the content of a data set.

    Args:
        train: Train split.
        test: Test split.
        class_names: Name of each class number.
        offsets: What was subtracted from each feature.

    Returns:
        SHA-256 (hex) over dtypes, shapes, bytes of inputs and labels, class names, and offsets.
    """
    digest = hashlib.sha256(repr(class_names).encode())
    if offsets:
        digest.update(repr(offsets).encode())
    for split in (train, test):
        for tensor in (split.inputs, split.labels.contiguous()):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.numpy().data)
    return digest.hexdigest()
