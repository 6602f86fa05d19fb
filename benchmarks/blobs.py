"""Made-up data of ten classes, for programs that time training."""

from __future__ import annotations

import torch

from qimlp.data import DataSet, TensorSplit


def blobs(examples: int, features: int) -> DataSet:
    """Normal clouds around ten centres; the test set is the training set."""
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(10, features, generator=random)
    labels = torch.arange(examples) % 10
    inputs = centres[labels] + torch.randn(examples, features, generator=random)
    split = TensorSplit(inputs, labels)
    names = tuple(map(str, range(10)))
    return DataSet("blobs", split, split, names, (features,), "blobs", "the training examples")
