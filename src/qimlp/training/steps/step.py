"""What every way to take an optimizer step has in common."""

from typing import Protocol

from torch import Tensor


class Step(Protocol):
    """One optimizer step: forward pass, loss, backward pass and update."""

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Take one step.

        Args:
            inputs: Of shape (n, features), on the network's device.
            targets: The n targets, there too.

        Returns:
            The loss before the step, 0-d.
        """
