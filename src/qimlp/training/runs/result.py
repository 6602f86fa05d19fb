"""What one finished run has to say for itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from qimlp.tasks import KINDS, Classification, Metric


@dataclass(frozen=True)
class RunResult:
    """The result of one run, the content of `result.json`.

    Attributes:
        data: Name of the data.
        label: Name of the network, such as `2b`.
        kind: Kind of the network: `"qimlp"`, `"mlp"` or `"low-rank"`.
        seed: The run's seed.
        dims: Sizes of the bodies at every layer boundary.
        task: Kind of the task, such as `"classification"`.
        best_epoch: The epoch whose weights were kept, from 1.
        dev: `loss` and the task's metrics on the dev part in that epoch, by name.
        test: The same numbers of these weights on the test set, read once.
        parameters: Parameters of the network.
        dense_parameters: Parameters of the dense network of the same widths.
        seconds_per_step: Median over the logged windows, data and schedule included.
        memory: Bytes, see `qimlp.training.engine.memory`.
        dev_curve: The task's main metric on the dev part, of every epoch.
        folder: The run folder, as the caller named it.
    """

    data: str
    label: str
    kind: str
    seed: int
    dims: list[list[int]]
    task: str
    best_epoch: int
    dev: dict[str, float]
    test: dict[str, float]
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
            values: The content of a `result.json`.

        Returns:
            The result.

        Raises:
            ValueError: If a field is missing.
        """
        known = with_metrics_by_name(values)
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in known]
        if missing:
            raise ValueError(f"result.json lacks {', '.join(missing)}: was it written by a run?")
        return cls(**{name: known[name] for name in names})

    @property
    def main_metric(self) -> Metric:
        """The metric that the curve and comparisons show."""
        return KINDS[self.task].metrics[0]


def with_metrics_by_name(values: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a result of earlier versions, in which each number had a name of its own, up to date.

    Args:
        values: The content of a `result.json`.

    Returns:
        The same content with `task`, `dev` and `test`.
    """
    if "task" in values or "test_accuracy" not in values:
        return dict(values)
    return {
        **values,
        "task": Classification.kind,
        "dev": {"accuracy": values.get("dev_accuracy")},
        "test": {"loss": values.get("test_loss"), "accuracy": values["test_accuracy"]},
    }
