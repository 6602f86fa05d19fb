"""From the results of several runs to one row per network."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from statistics import mean, median, stdev

from qimlp.training.runs.result import RunResult


@dataclass(frozen=True)
class Row:
    """One network over its seeds.

    Attributes:
        label: Name of the network.
        seeds: Its seeds.
        test: Mean of every metric on the test set, by name.
        test_std: Sample standard deviation of the main metric; None with one seed.
        test_min: Smallest value of the main metric.
        test_max: Largest value of the main metric.
        dev: Mean of every metric on the dev part in the best epochs, by name.
        parameters: Parameters of the network.
        compression: Parameters of the reference per parameter of this network.
        seconds_per_step: Median of the runs' medians.
        memory_bytes: Bytes of one training step, see `qimlp.training.engine.memory`.
    """

    label: str
    seeds: list[int]
    test: dict[str, float]
    test_std: float | None
    test_min: float
    test_max: float
    dev: dict[str, float]
    parameters: int
    compression: float
    seconds_per_step: float
    memory_bytes: int


@dataclass(frozen=True)
class Comparison:
    """The networks side by side.

    Attributes:
        data: Name of the data.
        task: Kind of the task.
        reference: What the compression refers to, in words.
        rows: One per network, in the order they were trained.
        remarks: What the numbers do and do not say.
    """

    data: str
    task: str
    reference: str
    rows: list[Row]
    remarks: list[str]


def compare(results: Sequence[RunResult]) -> Comparison:
    """Group results by network and compare them.

    Args:
        results: One or more runs on one data set.

    Returns:
        The comparison. The compression refers to the first MLP among the results where there is
        one, else for each network to the dense network of its own widths.

    Raises:
        ValueError: If there are no results, or of several data sets.
    """
    names = {result.data for result in results}
    tasks = {result.task for result in results}
    if len(names) != 1:
        raise ValueError(f"expected results on one data set, got {sorted(names)}")
    if len(tasks) != 1:
        raise ValueError(f"expected results of one task, got {' and '.join(sorted(tasks))}")
    groups: dict[str, list[RunResult]] = {}
    for result in results:
        groups.setdefault(result.label, []).append(result)
    control = next((r for r in results if r.kind == "mlp"), None)
    reference = "the dense network of the same widths" if control is None else control.label
    rows = [
        _row(group, group[0].dense_parameters if control is None else control.parameters)
        for group in groups.values()
    ]
    return Comparison(
        names.pop(), results[0].task, reference, rows, _remarks(rows, control, results)
    )


def _row(group: list[RunResult], reference_parameters: int) -> Row:
    metric = group[0].main_metric.name
    values = [result.test[metric] for result in group]
    return Row(
        label=group[0].label,
        seeds=[result.seed for result in group],
        test=_means([result.test for result in group]),
        test_std=stdev(values) if len(values) > 1 else None,
        test_min=min(values),
        test_max=max(values),
        dev=_means([result.dev for result in group]),
        parameters=group[0].parameters,
        compression=reference_parameters / group[0].parameters,
        seconds_per_step=median(result.seconds_per_step for result in group),
        memory_bytes=max(result.memory["total"] for result in group),
    )


def _means(metrics: list[dict[str, float]]) -> dict[str, float]:
    return {name: mean(each[name] for each in metrics) for name in metrics[0]}


def _remarks(rows: list[Row], control: RunResult | None, results: Sequence[RunResult]) -> list[str]:
    remarks = []
    if control is not None:
        dense = next(row for row in rows if row.label == control.label)
        remarks += [
            _speed_remark(row, dense, results[0])
            for row in rows
            if row.label != dense.label and row.compression > 1
        ]
    if any(len(row.seeds) < 3 for row in rows):
        remarks.append("Fewer than three seeds: the spread says little.")
    return remarks


def _speed_remark(row: Row, dense: Row, result: RunResult) -> str:
    ratio = row.seconds_per_step / dense.seconds_per_step
    widest = max(prod(layer) for layer in result.dims)
    times = f"{row.compression:.0f}" if row.compression >= 10 else f"{row.compression:.1f}"
    smaller = f"{row.label} has {times} times fewer parameters than {dense.label}"
    if row.compression < 1.2:
        smaller = f"{row.label} has about as many parameters as {dense.label}"
    if ratio < 0.95:
        return f"{smaller} and its training step takes {ratio:.2f} times as long."
    return (
        f"{smaller}, but at {widest} features it is not faster: its training step takes "
        f"{ratio:.2f} times as long. The speed comes with the width."
    )
