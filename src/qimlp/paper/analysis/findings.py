"""What was found about the paper's networks, kept beside the report: one file for each data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel

from qimlp.files import read_json_object, validated
from qimlp.paper.analysis.run_comparison import SeveralRuns
from qimlp.paper.analysis.study import RunStudy
from qimlp.paper.campaign.keyed_lines import KeyedLines
from qimlp.statistics import Estimate

Comparisons: TypeAlias = Mapping[str, Mapping[str, Any]]
"""For each data set `SeveralRuns` as plain values."""

_NAME = "name"
_COMPARISON = "comparison"
_AGAIN = "run `qimlp reproduce --correlation` again"


class _Relation(BaseModel):
    count: int
    pearson: float
    pearson_low: float
    pearson_high: float
    p_value: float


class _Layer(BaseModel):
    layer: int
    strong: dict[str, Estimate]
    growth: dict[str, Estimate]
    against: dict[str, dict[str, Estimate]]
    relation: _Relation | None
    within: _Relation | None = None


class _Table(BaseModel):
    network: str
    runs: int
    columns: list[str]
    rows: list[list[str]]


class _Comparison(BaseModel):
    """What the report needs of a comparison; it may hold more."""

    layers: list[_Layer]
    tables: list[_Table]
    answers: list[str]


class Findings:
    """A folder of analyses.

    `<folder>/<data>.jsonl` holds one line for each run, named `<network>/seed-<n>`, and one
    named `comparison`. Comparisons of earlier versions, `<folder>/<data>/relation.json`, are
    read where there is no line.

    Args:
        folder: Made when the first analysis is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write_run(self, study: RunStudy) -> None:
        """Write everything about one run, in the place of what was known of it.

        Args:
            study: From `study_run`.

        Raises:
            OSError: If it cannot be written.
        """
        name = f"{study.network}/seed-{study.seed}"
        self._put(study.data, {_NAME: name, **study.report.to_dict(), **study.more()})

    def write_comparison(self, runs: SeveralRuns) -> None:
        """Write how the runs of a data set compare.

        Args:
            runs: From `compare_runs`.

        Raises:
            OSError: If it cannot be written.
        """
        self._put(runs.data, {_NAME: _COMPARISON, **runs.to_dict()})

    def read_run(self, data: str, network: str, seed: int) -> Mapping[str, Any] | None:
        """Read what is known about one run.

        Args:
            data: Name of the data set.
            network: Name of the network.
            seed: Its seed.

        Returns:
            The report and all that was found beside it as plain values; None where nothing is.

        Raises:
            OSError: If the file cannot be read.
        """
        found = _lines(self._file(data)).read().by_key
        return found.get(f"{network}/seed-{seed}")

    def comparisons(self) -> Comparisons:
        """Read all comparisons.

        Returns:
            What each holds, by data set.

        Raises:
            ValueError: If one is damaged.
            OSError: If a file cannot be read.
        """
        found = {}
        for file in sorted(self.folder.glob("*/relation.json")):
            found[file.parent.name] = _whole(
                read_json_object(file, what="a comparison of runs"), str(file)
            )
        for file in sorted(self.folder.glob("*.jsonl")):
            lines = _lines(file).read()
            if lines.damaged:
                raise ValueError(f"{lines.damaged[0]}; {_AGAIN}")
            if _COMPARISON in lines.by_key:
                found[file.stem] = _whole(lines.by_key[_COMPARISON], str(file))
        return found

    def _put(self, data: str, values: Mapping[str, Any]) -> None:
        _lines(self._file(data)).put(values)

    def _file(self, data: str) -> Path:
        return self.folder / f"{data}.jsonl"


def _lines(file: Path) -> KeyedLines:
    return KeyedLines(file, _name_of)


def _name_of(values: Mapping[str, Any], source: str) -> str:
    name = values.get(_NAME)
    if not isinstance(name, str):
        raise ValueError(f"{source}: expected a {_NAME}")  # noqa: TRY004 - the file is wrong
    return name


def _whole(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    try:
        validated(_Comparison, values, source=where)
    except ValueError as error:
        raise ValueError(f"{error}; {_AGAIN}") from None
    return values
