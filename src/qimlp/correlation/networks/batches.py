"""What counts as data, and how it reaches a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from torch import Tensor, nn

from qimlp.correlation.states.checks import check_dense

Data = Tensor | Iterable[Any]
_BATCH = 500


def batches_of(data: Data, limit: int | None = None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Go through data once.

    Args:
        data: Inputs `(n, ...)`, or batches of them, alone or with labels: tensors, `(inputs,
            labels)` pairs, a `DataLoader`.
        limit: Stop after so many examples.

    Yields:
        Inputs and, where there are any, labels.

    Raises:
        TypeError: If it is something else.
        ValueError: If a batch has no first axis, is on the meta device, or has not one label for
            each example.
    """
    left = float("inf") if limit is None else limit
    for inputs, labels in _pairs(data):
        _check_batch(inputs, labels)
        if left <= 0:
            return
        count = int(min(left, len(inputs)))
        left -= count
        yield inputs[:count], None if labels is None else labels[:count]


def on_device_of(model: nn.Module, inputs: Tensor) -> Tensor:
    """Move inputs to the device and floating-point dtype of a model's parameters.

    Args:
        model: Any module; without parameters inputs stay as they are.
        inputs: Shape (n, ...).

    Returns:
        The inputs.
    """
    like = next(model.parameters(), None)
    if like is None:
        return inputs
    if inputs.is_floating_point() and like.is_floating_point():
        return inputs.to(like.device, like.dtype)
    return inputs.to(like.device)


def _pairs(data: Data) -> Iterator[tuple[Tensor, Tensor | None]]:
    if isinstance(data, Tensor):
        _check_batch(data, None)
        yield from ((part, None) for part in data.split(_BATCH))
        return
    if not isinstance(data, Iterable):
        raise TypeError(
            f"data: expected a tensor or an iterable of batches, got {type(data).__name__}"
        )
    for batch in data:
        parts: tuple[Any, ...] = (batch,)
        if isinstance(batch, Iterable) and not isinstance(batch, Tensor):
            parts = tuple(islice(batch, 2))
        if not parts or not all(isinstance(part, Tensor) for part in parts):
            raise TypeError(
                "data: expected batches that are tensors or (inputs, labels) pairs, "
                f"got a {type(batch).__name__}"
            )
        yield parts[0], parts[1] if len(parts) > 1 else None


def _check_batch(inputs: Tensor, labels: Tensor | None) -> None:
    check_dense("data", inputs)
    if inputs.dim() == 0:
        raise ValueError("data: expected inputs (n, ...), got a single number")
    if labels is None:
        return
    check_dense("labels", labels)
    if labels.dim() == 0 or len(labels) != len(inputs):
        raise ValueError(
            f"labels: expected one for each of {len(inputs)} examples, "
            f"got shape {tuple(labels.shape)}"
        )
