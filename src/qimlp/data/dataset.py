"""What a data set is once it is read: checked tensors and what they mean."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from qimlp.data.features.offsets import Number

OFFICIAL_TEST = "the source's own test split"
"""``test_origin`` of data that came with one."""


@dataclass(frozen=True, eq=False)
class TensorSplit:
    """Examples and their classes.

    Attributes:
        inputs: Contiguous CPU tensor (N, in_features), ``uint8`` (pixels) or finite ``float32``.
        labels: Class numbers (N,), ``int64``, none negative.

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
        if labels.dtype != torch.int64:
            raise TypeError(f"expected int64 labels, got {labels.dtype}: convert them")
        if inputs.ndim != 2 or labels.shape != inputs.shape[:1]:
            raise ValueError(
                "expected inputs (N, in_features) and labels (N,), "
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
        if int(labels.min()) < 0:
            raise ValueError(f"labels must be 0 or more, got {int(labels.min())}")

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    def select(self, rows: Tensor) -> TensorSplit:
        """Copy some examples.

        Args:
            rows: Row numbers (K,), ``int64``.

        Returns:
            The K examples, in the order of ``rows``.
        """
        return TensorSplit(self.inputs.index_select(0, rows), self.labels.index_select(0, rows))


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set held in memory.

    Attributes:
        name: Short name, fit for a folder's name.
        train: Examples to learn from.
        test: Examples to judge by, kept apart.
        class_names: Name of each class number.
        feature_shape: Shape of one example, ``(H, W)`` for grey images, ``(C, H, W)`` for
            colour images, ``(F,)`` for tables; ``in_features`` is its product.
        fingerprint: SHA-256 (hex) over the content of both splits and the class names.
        test_origin: Where the test split comes from.
        feature_names: Column names of a table; empty for images and arrays.
        offsets: What was subtracted from each feature of a table before it became ``float32``;
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
    offsets: tuple[Number, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part, split in (("train", self.train), ("test", self.test)):
            if split.inputs.shape[1] != self.in_features:
                raise ValueError(
                    f"{self.name}: expected {self.in_features} features as in shape "
                    f"{self.feature_shape}, the {part} split has {split.inputs.shape[1]}"
                )
            if int(split.labels.max()) >= self.num_classes:
                raise ValueError(
                    f"{self.name}: label {int(split.labels.max())} in the {part} split is out of "
                    f"range: there are {self.num_classes} classes, numbered from 0"
                )
        if self.train.inputs.dtype != self.test.inputs.dtype:
            raise ValueError(
                f"{self.name}: train and test must share one dtype, got "
                f"{self.train.inputs.dtype} and {self.test.inputs.dtype}"
            )

    @property
    def in_features(self) -> int:
        """Number of input features of one example."""
        return prod(self.feature_shape)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


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
