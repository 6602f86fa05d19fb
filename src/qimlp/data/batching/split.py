"""Splitting examples: train and dev, and a test set where the source has none."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from qimlp.data.batching.seeds import permutation
from qimlp.data.dataset import TensorSplit

SET_ASIDE_EVERY = 5
"""One example in five becomes test where the source has no test split."""


DevSplit = Literal["random", "blocks"]
"""How dev is taken from the training examples; see `dev_rows`."""


def split_dev(
    split: TensorSplit, fraction: float = 0.2, *, seed: int, by: DevSplit = "random"
) -> tuple[TensorSplit, TensorSplit]:
    """Set a part of the training examples aside for choosing the model.

    The paper's protocol is 8:2 at random, the default.

    Args:
        split: The N training examples.
        fraction: Part that becomes dev, more than 0 and less than 1.
        seed: Equal seeds give equal splits.
        by: See `dev_rows`.

    Returns:
        `(train, dev)`; at random dev has `round(fraction * N)` examples, in blocks
        `fraction` of each class, to the nearest example.

    Raises:
        ValueError: `fraction` is out of range, or leaves one side empty.
    """
    train, dev = dev_rows(split.labels, fraction, seed=seed, by=by)
    return split.select(train), split.select(dev)


def dev_rows(
    labels: Tensor, fraction: float, *, seed: int, by: DevSplit = "random"
) -> tuple[Tensor, Tensor]:
    """Draw the rows of `split_dev`.

    Examples that lie beside each other in a file often belong together: reviews of one film,
    posts of one discussion. A random dev set then shares films and discussions with train, and
    is easier than any test set of others. `"blocks"` takes one unbroken run of the rows of
    each class instead: block number `seed` modulo the number of whole blocks in a class.

    Args:
        labels: Class numbers (N,) of the training examples, in the order of the file.
        fraction: Part that becomes dev, more than 0 and less than 1.
        seed: Equal seeds give equal splits.
        by: `"random"` or `"blocks"`.

    Returns:
        Row numbers of train and of dev, `int64`.

    Raises:
        ValueError: `fraction` is out of range, or leaves one side empty.
    """
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"expected a dev fraction between 0 and 1, got {fraction}")
    count = len(labels)
    train, dev = (
        _random_rows(count, fraction, seed)
        if by == "random"
        else _block_rows(labels, fraction, seed)
    )
    if not (len(train) and len(dev)):
        raise ValueError(
            f"a dev fraction of {fraction} leaves train or dev empty with {count} examples"
        )
    return train, dev


def _random_rows(count: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    num_dev = round(fraction * count)
    order = permutation(count, seed)
    return order[num_dev:], order[:num_dev]


def _block_rows(labels: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    labels = _strata(labels)
    block = seed % int(1 / fraction + 1e-9)
    is_dev = torch.zeros(len(labels), dtype=torch.bool)
    for number in labels.unique().tolist():
        rows = torch.where(labels == number)[0]
        begin, end = (round(edge * fraction * len(rows)) for edge in (block, block + 1))
        is_dev[rows[begin:end]] = True
    return torch.where(~is_dev)[0], torch.where(is_dev)[0]


def set_test_aside(split: TensorSplit, *, seed: int) -> tuple[TensorSplit, TensorSplit]:
    """Set a fifth of each class aside as test; see `rows_of_test`.

    Args:
        split: All examples.
        seed: Equal seeds give equal splits.

    Returns:
        `(train, test)`.

    Raises:
        ValueError: No class has three examples, so there would be no test example.
    """
    train, test = rows_of_test(split.labels, seed=seed)
    return split.select(train), split.select(test)


def rows_of_test(labels: Tensor, *, seed: int) -> tuple[Tensor, Tensor]:
    """Draw the rows of a test part: a fifth of each class at random; the rest keeps its order.

    Within a class (randomly ordered) the third of every five examples is taken, so classes
    with one or two examples stay in train.

    Args:
        labels: Class numbers (N,), or targets (N, T), of all examples.
        seed: Equal seeds give equal splits.

    Returns:
        Row numbers of train and of test, `int64`, both rising.

    Raises:
        ValueError: No class has three examples, so there would be no test example.
    """
    order = permutation(len(labels), seed)
    classes, by_class = torch.sort(_strata(labels)[order], stable=True)
    rank = torch.arange(len(labels)) - torch.searchsorted(classes, classes)
    is_test = torch.zeros(len(labels), dtype=torch.bool)
    is_test[order[by_class[rank % SET_ASIDE_EVERY == SET_ASIDE_EVERY // 2]]] = True
    if not bool(is_test.any()):
        raise ValueError(
            f"{len(labels)} examples of {len(classes.unique())} classes are too few to set a test "
            "part aside: at least one class needs three; add examples, give a test file, or say "
            "--task regression if the labels are numbers"
        )
    return torch.where(~is_test)[0], torch.where(is_test)[0]


def _strata(labels: Tensor) -> Tensor:
    """What parts are drawn from evenly: classes (N,); all rows alike where there are targets."""
    return labels.new_zeros(len(labels), dtype=torch.int64) if labels.ndim > 1 else labels
