"""How the examples of an epoch are shared among processes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sharding:
    """Process `rank` takes the rows `rank, rank + world_size, ...` of the epoch's order.

    So every step's examples are those that one process would take, shared evenly. In training all
    processes take equally many steps of equal size: the fewer than `world_size` examples that
    cannot be shared are left out of the epoch (others in each, as the order changes). In
    evaluation every example is taken exactly once.

    Attributes:
        total: Number of examples.
        batch_size: Examples of one step, over all processes.
        rank: Number of this process.
        world_size: Number of processes.
        training: Whether examples that cannot be shared evenly are left out.

    Raises:
        ValueError: A number is out of range, or a batch cannot be shared evenly.
    """

    total: int
    batch_size: int
    rank: int = 0
    world_size: int = 1
    training: bool = True

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
        if self.num_examples == 0:
            raise ValueError(
                f"{self.total} examples cannot be shared by {self.world_size} processes"
            )

    @property
    def num_examples(self) -> int:
        """Examples of one epoch, over all processes."""
        return self.total - (self.total % self.world_size if self.training else 0)

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
        return -(-self.num_own // self.local_batch_size)
