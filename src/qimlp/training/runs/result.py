"""What one finished run has to say for itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class RunResult:
    """The result of one run, the content of ``result.json``.

    Attributes:
        data: Name of the data.
        label: Name of the network, such as ``2b``.
        kind: ``"qimlp"`` or ``"mlp"``.
        seed: The run's seed.
        dims: Sizes of the bodies at every layer boundary.
        best_epoch: The epoch whose weights were kept, from 1.
        dev_accuracy: Its accuracy on the dev part.
        test_accuracy: Accuracy of these weights on the test set, read once.
        test_loss: Mean cross-entropy there.
        parameters: Parameters of the network.
        dense_parameters: Parameters of the dense network of the same widths.
        seconds_per_step: Median over the logged windows, data and schedule included.
        memory: Bytes, see `qimlp.training.engine.memory`.
        dev_curve: Dev accuracy of every epoch.
        folder: The run folder, as the caller named it.
    """

    data: str
    label: str
    kind: str
    seed: int
    dims: list[list[int]]
    best_epoch: int
    dev_accuracy: float
    test_accuracy: float
    test_loss: float
    parameters: int
    dense_parameters: int
    seconds_per_step: float
    memory: dict[str, int]
    dev_curve: list[float]
    folder: str

    @property
    def compression(self) -> float:
        """Dense parameters per parameter."""
        return self.dense_parameters / self.parameters

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, the compression included.

        Returns:
            The attributes by name.
        """
        return {**asdict(self), "compression": self.compression}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunResult":
        """Read what `to_dict` wrote.

        Args:
            values: The content of a ``result.json``.

        Returns:
            The result.

        Raises:
            ValueError: If a field is missing.
        """
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError(f"result.json lacks {', '.join(missing)}: was it written by a run?")
        return cls(**{name: values[name] for name in names})
