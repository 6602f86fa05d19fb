"""What all batches share: the epoch they are in, and this process's part of it."""

from __future__ import annotations

from qimlp.data.batching.sharding import Sharding


class EpochBatches:
    """Batches of numbered epochs; what they hold is a subclass's to say.

    Args:
        sharding: This process's part of an epoch.
        seed: Fixes the order, together with the epoch.
        shuffle: Whether each epoch has its own random order, for training.
    """

    def __init__(self, sharding: Sharding, *, seed: int, shuffle: bool) -> None:
        self._sharding = sharding
        self._seed, self._shuffle = seed, shuffle
        self._epoch = self._start = 0
        self.num_examples = sharding.num_examples

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch that the next iteration runs through.

        Args:
            epoch: Number of the epoch, from 0.
            start: Batches of it to leave out.

        Raises:
            ValueError: A number is negative.
        """
        if epoch < 0 or start < 0:
            raise ValueError(f"expected an epoch and start of 0 or more, got {epoch} and {start}")
        self._epoch, self._start = epoch, start

    def __len__(self) -> int:
        """Return the number of batches of this process in a whole epoch."""
        return self._sharding.num_batches

    def share(self, step: int) -> float:
        """Say how many examples of a step this process has; see `Batches`."""
        return self._sharding.share(step)
