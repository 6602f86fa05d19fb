"""What training tells while it goes on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class StepsDone:
    """Some steps were done and the loss checked.

    Attributes:
        epoch: From 1.
        step: Steps done in the whole run.
        loss: Mean training loss since the check before.
        samples_per_second: Training speed since the check before.
    """

    epoch: int
    step: int
    loss: float
    samples_per_second: float


@dataclass(frozen=True)
class EpochDone:
    """One epoch and its evaluation on the dev part; one line of `metrics.jsonl`.

    Attributes:
        epoch: From 1.
        step: Steps done in the whole run.
        train_loss: Mean over the epoch.
        dev: `loss` and the task's metrics on the dev part, by name.
        lr: Largest learning rate of the epoch's last step.
        best: Whether this is the best epoch so far.
        test: The same numbers on the test set, only where it is watched; they decide nothing.
    """

    epoch: int
    step: int
    train_loss: float
    dev: dict[str, float]
    lr: float
    best: bool
    test: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            The attributes by name.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EpochDone":
        """Read what `to_dict` gave, or what earlier versions wrote.

        Args:
            values: One line of `metrics.jsonl`.

        Returns:
            The epoch.

        Raises:
            TypeError: If something is missing or unknown.
        """
        known = dict(values)
        for part in ("dev", "test"):  # until version 0.1.0 each number had a name of its own
            flat = {name: known.pop(f"{part}_{name}", None) for name in ("loss", "accuracy")}
            found = {name: value for name, value in flat.items() if value is not None}
            if found:
                known[part] = found
        return cls(**known)
