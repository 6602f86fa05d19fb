"""Batches for a number of steps, whatever the number of rows; rows may have weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from qimlp.data.batching.seeds import mixed_seed, permutation


class StepBatches:
    """Batches out of an endless sequence of random orders of the rows, cut into equal periods.

    A period takes the place of an epoch: it has the number of steps that it is told, and the next
    one goes on where it ended. Every batch has the same size.

    With weights, each order is drawn anew by systematic sampling: a row whose weight is w times the
    mean comes w times on average, and never less than w rounded down or more than w rounded up.
    Integer weights do what repeated rows do.

    Args:
        inputs: Features of shape (n, features), ready for the network.
        targets: n targets as the loss takes them.
        batch_size: Rows of one step, over all processes; at most n are taken.
        steps: Steps of a period.
        seed: Fixes the orders.
        weights: Of shape (n,), none negative; None where all rows are alike.
        rank: Number of this process.
        world_size: Number of processes; each takes its part of every step's rows.

    Raises:
        ValueError: A size or number is out of range, or a batch cannot be shared evenly.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        batch_size: int,
        steps: int,
        *,
        seed: int,
        weights: Tensor | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if len(inputs) == 0 or len(inputs) != len(targets):
            raise ValueError(f"expected as many targets as rows, got {len(targets)}, {len(inputs)}")
        if steps < 1 or batch_size < 1 or not 0 <= rank < world_size:
            raise ValueError(
                f"expected steps and rows of 1 or more and a rank below {world_size}, got "
                f"{steps}, {batch_size} and {rank}"
            )
        size = min(batch_size, len(inputs))
        self._size = size
        self._inputs, self._targets = inputs, targets
        self._steps, self._seed = steps, seed
        begin, end = (part * size // world_size for part in (rank, rank + 1))
        self._own = slice(begin, end)
        self._share = (end - begin) * world_size / size
        self._upto = None if weights is None else _cumulated(weights, len(inputs))
        self._period = self._start = 0
        self.num_examples = steps * size

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the period that the next iteration runs through; see `Batches`."""
        if epoch < 0 or start < 0:
            raise ValueError(f"expected an epoch and start of 0 or more, got {epoch} and {start}")
        self._period, self._start = epoch, start

    def __len__(self) -> int:
        """Return the steps of a period."""
        return self._steps

    def share(self, step: int) -> float:  # noqa: ARG002 - all steps are alike
        """Say how many rows of a step this process has; see `Batches`."""
        return self._share

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over the period's inputs and targets."""
        step = self._size
        place = (self._period * self._steps + self._start) * step
        end = (self._period + 1) * self._steps * step
        number, place = divmod(place, len(self._inputs))
        order = self._order(number)[place:]
        left = (end - number * len(self._inputs) - place) // step
        while left > 0:
            if len(order) < step:
                number += 1
                order = torch.cat((order, self._order(number)))
            count = min(len(order) // step, left)
            rows = order[: count * step].view(count, step)[:, self._own]
            order, left = order[count * step :], left - count
            for part in rows.to(self._inputs.device).unbind():
                yield self._inputs.index_select(0, part), self._targets.index_select(0, part)

    def _order(self, number: int) -> Tensor:
        """Rows in their order number `number`, n of them."""
        count = len(self._inputs)
        order = permutation(count, self._seed, number)
        if self._upto is None:
            return order
        generator = torch.Generator().manual_seed(mixed_seed(self._seed, number, 1))
        offset = torch.rand((), dtype=torch.float64, generator=generator)
        marks = (torch.arange(count, dtype=torch.float64) + offset) / count
        return torch.searchsorted(self._upto, marks, right=True).clamp_max(count - 1)[order]


def _cumulated(weights: Tensor, count: int) -> Tensor:
    """The share of the weight that lies in the rows up to each, the row's own included."""
    found = weights.double().cpu()
    if found.shape != (count,) or not bool((torch.isfinite(found) & (found >= 0)).all()):
        raise ValueError(f"weights: expected {count} finite numbers of at least 0")
    upto = found.cumsum(0)
    if float(upto[-1]) <= 0:
        raise ValueError("weights: expected at least one that is greater than 0")
    return upto / upto[-1]
