"""How the examples of an epoch are shared among processes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sharding:
    """Process `rank` takes the rows `rank, rank + world_size, ...` of the epoch's order.

    So every step's examples are those that one process would take, and every example is taken
    exactly once. All steps but an epoch's last are shared evenly; in the last one some processes
    may have an example less, in training also none at all, for there all take equally many steps.

    Attributes:
        total: Number of examples.
        batch_size: Examples of one step, over all processes.
        rank: Number of this process.
        world_size: Number of processes.
        training: Whether all processes take equally many steps.
        even: Whether examples that cannot be shared evenly are left out.

    Raises:
        ValueError: A number is out of range, or a batch cannot be shared evenly.
    """

    total: int
    batch_size: int
    rank: int = 0
    world_size: int = 1
    training: bool = True
    even: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size:
            raise ValueError(
                f"expected a rank from 0 to world_size - 1, got {self.rank} of {self.world_size}"
            )
        if self.batch_size < 1 or self.batch_size % self.world_size:
            raise ValueError(
                f"expected a batch size that {self.world_size} processes can share evenly, got "
                f"{self.batch_size}"
            )
        if self.num_examples == 0 or (self.training and self.total < self.world_size):
            raise ValueError(
                f"{self.total} examples cannot be shared by {self.world_size} processes"
            )

    @property
    def num_examples(self) -> int:
        """Examples of one epoch, over all processes."""
        return self.total - (self.total % self.world_size if self.even else 0)

    @property
    def own_rows(self) -> slice:
        """Positions of this process's examples in the epoch's order."""
        return slice(self.rank, self.num_examples, self.world_size)

    @property
    def num_own(self) -> int:
        """Number of this process's examples."""
        return len(range(*self.own_rows.indices(self.num_examples)))

    @property
    def local_batch_size(self) -> int:
        """Examples of one step of this process."""
        return self.batch_size // self.world_size

    @property
    def num_batches(self) -> int:
        """Batches of this process in one epoch."""
        if self.training:
            return -(-self.num_examples // self.batch_size)
        return -(-self.num_own // self.local_batch_size)

    @property
    def ends_empty(self) -> bool:
        """Whether the last batch of this process has no example, while others have one."""
        return self.num_own <= (self.num_batches - 1) * self.local_batch_size

    def share(self, step: int) -> float:
        """Say how many examples of a step this process has, over the mean of all processes.

        Args:
            step: Number of the step, from 0.

        Returns:
            1.0 where the examples are shared evenly.
        """
        done, own_done = step * self.batch_size, step * self.local_batch_size
        found = min(self.num_examples - done, self.batch_size)
        own = min(self.num_own - own_done, self.local_batch_size)
        return own * self.world_size / found
