"""Batches of inputs with the teacher's answers, computed as they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from qimlp.compression import model_inputs
from qimlp.distributed import ProcessGroup
from qimlp.training.distillation.matching import MatchedNetwork


class TeacherBatches:
    """What `Trainer` iterates over: a batch as the student takes it, and what it should answer.

    Every process is given the same batches and takes its part of the rows of each.

    Args:
        batches: The inputs, in their order.
        teacher: Answers them, in evaluation mode.
        processes: Processes and device.
        steps: Batches of one epoch; the next one goes on where it ended, and the batches start
            anew as often as needed. None for one pass.
    """

    def __init__(
        self,
        batches: Iterable[Any],
        teacher: MatchedNetwork,
        processes: ProcessGroup,
        steps: int | None = None,
    ) -> None:
        self._batches = batches
        self._teacher = teacher
        self._processes = processes
        self._steps = count(batches) if steps is None else steps
        self._endless = None if steps is None else self._passes()
        self.num_examples = self._steps

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Go on where the iteration before has ended, whatever the numbers; see `Batches`."""

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return self._steps

    def share(self, step: int) -> float:  # noqa: ARG002 - of the protocol
        """Say that the parts are even; see `Batches`."""
        return 1.0

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        """Iterate over batches and the teacher's answers, on the student's device."""
        source = self._batches if self._endless is None else self._endless
        for batch in islice(source, self._steps):
            own = share(batch, self._processes)
            with torch.no_grad():
                answers = self._teacher(own)
            yield own, answers.to(self._processes.device).float()

    def _passes(self) -> Iterator[Any]:
        while True:
            empty = True
            for batch in self._batches:
                empty = False
                yield batch
            if empty:
                raise ValueError("batches: expected at least one batch, got none")


def collected(batches: Iterable[Any], most: int | None) -> Iterable[Any]:
    """Keep the batches of an iterator, which can be gone through but once.

    Args:
        batches: Any iterable.
        most: Number of batches that are needed; None for all.

    Returns:
        The same iterable, or a list of what an iterator gives.
    """
    return list(islice(batches, most)) if isinstance(batches, Iterator) else batches


def count(batches: Iterable[Any]) -> int:
    """Count batches.

    Args:
        batches: No iterator; one without a length is gone through.

    Returns:
        Their number.
    """
    if isinstance(batches, Sized):
        try:
            return len(batches)
        except TypeError:  # a loader of a stream has the method, but not the number
            pass
    return sum(1 for _ in batches)


def share(batch: Any, processes: ProcessGroup) -> Any:
    """Take this process's rows of a batch.

    Args:
        batch: As `model_inputs` takes it.
        processes: All processes; rows that they cannot share evenly are left out.

    Returns:
        A mapping, or a tuple of the one tensor.

    Raises:
        ValueError: Fewer rows than processes.
    """
    found = first_rows(batch)
    rows = found // processes.size
    if not rows:
        raise ValueError(
            f"batches: expected a row for each of {processes.size} processes, got {found}"
        )
    own = slice(processes.rank * rows, (processes.rank + 1) * rows)
    return part_of_rows(batch, own if processes.size > 1 else slice(None))


def first_rows(batch: Any) -> int:
    """Count the rows of a batch.

    Args:
        batch: As `model_inputs` takes it.

    Returns:
        The length of its first tensor.

    Raises:
        ValueError: A mapping without a tensor, or without rows.
    """
    args, kwargs = model_inputs(batch)
    tensors = (each for each in (*args, *kwargs.values()) if isinstance(each, Tensor))
    first = next(tensors, None)
    if first is None or not first.dim() or not len(first):
        raise ValueError("batches: expected tensors with a row for each example, got none")
    return len(first)


def part_of_rows(batch: Any, rows: slice) -> Any:
    """Take some rows of a batch.

    Args:
        batch: As `model_inputs` takes it.
        rows: Which ones.

    Returns:
        A mapping, or a tuple of the one tensor; what has no rows is in it as it is.
    """
    args, kwargs = model_inputs(batch)
    count_of_rows = first_rows(batch)

    def part(value: Any) -> Any:
        of_rows = isinstance(value, Tensor) and value.dim() and len(value) == count_of_rows
        return value[rows] if of_rows else value

    return {name: part(value) for name, value in kwargs.items()} or tuple(map(part, args))
