"""The report's section on strong correlation, from what `qimlp reproduce --correlation` left."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from qimlp.files import read_json_object
from qimlp.paper.analysis.wording import HOW_TO_READ_MARKS
from qimlp.paper.report.published import CORRELATION_FIGURES
from qimlp.paper.report.render import Picture, Section
from qimlp.paper.report.rows import Table

Studies: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What `qimlp reproduce --correlation` has found over the runs, by data set."""

_INTRODUCTION = (
    "C is computed exactly, per test image, on the trained two-body networks of our recipe. Almost "
    "every vector has C > 0, a random one nearly the most that there can be: what counts is the "
    "distance to the baselines, whose means are the marks above the bars. Figures of one network "
    "show the first seed; tables and answers are over the seeds. The classic MLP has the same "
    "widths and is trained by our recipe, too (one seed)."
)
_CAPTIONS = {
    "correlation": "{figure}: strong correlation of every hidden layer.",
    "correlation-epochs": "C of every hidden layer over training (1,000 test images).",
    "truncation": "Accuracy when the Schmidt spectrum of one layer's output is cut.",
    "relation": "Accuracy against mean C, one mark per trained network.",
}


def read_studies(folder: Path) -> Studies:
    """Read the comparisons of runs.

    Args:
        folder: ``correlation`` of the report.

    Returns:
        What each ``<data>/relation.json`` holds, by data set.

    Raises:
        ValueError: If one is damaged.
    """
    studies = {}
    for file in sorted(folder.glob("*/relation.json")):
        study = read_json_object(file, what="a comparison of runs")
        lacking = [name for name in ("layers", "tables", "answers") if name not in study]
        if lacking:
            raise ValueError(
                f"{file}: expected a comparison of runs, got one without {', '.join(lacking)}; run "
                "`qimlp reproduce --correlation` again"
            )
        studies[file.parent.name] = study
    return studies


def correlation_section(figures: Path, studies: Studies) -> Section | None:
    """Put together what is there.

    Args:
        figures: Folder of the figures.
        studies: From `read_studies`.

    Returns:
        The section; None without any figure.
    """
    parts: list[str | Table | Picture] = []
    for data, figure in CORRELATION_FIGURES.items():
        pictures = {
            name: Picture(file.name, caption.format(figure=figure), None)
            for name, caption in _CAPTIONS.items()
            if (file := figures / f"{data}-{name}.svg").is_file()
        }
        if not pictures:
            continue
        if "correlation" in pictures:
            parts.append(pictures.pop("correlation"))
        if data in studies:
            parts += _over_runs(studies[data])
        parts += pictures.values()
    if not parts:
        return None
    parts.append("Command: `qimlp reproduce --correlation`.")
    return Section("Strong correlation", (_INTRODUCTION, *parts))


def _over_runs(study: Mapping[str, Any]) -> list[str | Table | Picture]:
    """Tables and answers of several runs."""
    parts: list[str | Table | Picture] = []
    for table in study["tables"]:
        parts.append(f"{table['network']}, {table['runs']} runs; {HOW_TO_READ_MARKS}:")
        rows = tuple(tuple(map(str, row)) for row in table["rows"])
        parts.append(Table(tuple(map(str, table["columns"])), rows))
    return [*parts, *map(str, study["answers"])]
