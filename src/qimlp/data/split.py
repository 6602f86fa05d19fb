"""Splitting examples: train and dev, and a test set where the source has none."""

from __future__ import annotations

import torch
from torch import Tensor

from qimlp.data.dataset import TensorSplit
from qimlp.data.seeds import permutation

SET_ASIDE_EVERY = 5
"""One example in five becomes test where the source has no test split."""


def split_dev(
    split: TensorSplit, fraction: float = 0.2, *, seed: int
) -> tuple[TensorSplit, TensorSplit]:
    """Set a random part of the training examples aside for choosing the model.

    The paper's protocol is 8:2, the default.

    Args:
        split: The N training examples.
        fraction: Part that becomes dev, more than 0 and less than 1.
        seed: Equal seeds give equal splits.

    Returns:
        ``(train, dev)``; dev has ``round(fraction * N)`` examples.

    Raises:
        ValueError: ``fraction`` is out of range, or leaves one side empty.
    """
    train, dev = dev_rows(len(split), fraction, seed=seed)
    return split.select(train), split.select(dev)


def dev_rows(count: int, fraction: float, *, seed: int) -> tuple[Tensor, Tensor]:
    """Draw the rows of :func:`split_dev`.

    Args:
        count: Number N of training examples.
        fraction: Part that becomes dev, more than 0 and less than 1.
        seed: Equal seeds give equal splits.

    Returns:
        Row numbers of train and of dev, ``int64``.

    Raises:
        ValueError: ``fraction`` is out of range, or leaves one side empty.
    """
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"expected a dev fraction between 0 and 1, got {fraction}")
    num_dev = round(fraction * count)
    if not 0 < num_dev < count:
        raise ValueError(
            f"a dev fraction of {fraction} leaves train or dev empty with {count} examples"
        )
    order = permutation(count, seed)
    return order[num_dev:], order[:num_dev]


def set_test_aside(split: TensorSplit, *, seed: int) -> tuple[TensorSplit, TensorSplit]:
    """Set a fifth of each class aside as test, at random; the rest keeps its order.

    Within a class (randomly ordered) the third of every five examples is taken, so classes
    with one or two examples stay in train.

    Args:
        split: All examples.
        seed: Equal seeds give equal splits.

    Returns:
        ``(train, test)``.

    Raises:
        ValueError: No class has three examples, so there would be no test example.
    """
    order = permutation(len(split), seed)
    classes, by_class = torch.sort(split.labels[order], stable=True)
    rank = torch.arange(len(split)) - torch.searchsorted(classes, classes)
    is_test = torch.zeros(len(split), dtype=torch.bool)
    is_test[order[by_class[rank % SET_ASIDE_EVERY == SET_ASIDE_EVERY // 2]]] = True
    if not bool(is_test.any()):
        raise ValueError(
            f"{len(split)} examples are too few to set a test part aside: at least one class "
            "needs three; add examples or give a test file"
        )
    return split.select(torch.where(~is_test)[0]), split.select(torch.where(is_test)[0])
