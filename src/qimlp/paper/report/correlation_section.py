"""The report's section on strong correlation, from what `qimlp reproduce --correlation` left."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qimlp.paper.analysis.findings import Comparisons
from qimlp.paper.analysis.run_answers import HOW_TO_READ_MARKS
from qimlp.paper.cells.published import CORRELATION_FIGURES
from qimlp.paper.report.render import Picture, Section, Table

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


def correlation_section(figures: Path, studies: Comparisons) -> Section | None:
    """Put together what is there.

    Args:
        figures: Folder of the figures.
        studies: From `Findings.comparisons`.

    Returns:
        The section; None without any figure.
    """
    parts: list[str | Table | Picture] = []
    for data, figure in CORRELATION_FIGURES.items():
        pictures = {
            name: Picture(file, caption.format(figure=figure), None)
            for name, caption in _CAPTIONS.items()
            if (file := _figure(figures, data, name)) is not None
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


def _figure(figures: Path, data: str, name: str) -> str | None:
    """The place of a figure in the folder, or where earlier versions put it."""
    known = (f"{data}/{name}.svg", f"{data}-{name}.svg")
    return next((file for file in known if (figures / file).is_file()), None)


def _over_runs(study: Mapping[str, Any]) -> list[str | Table | Picture]:
    """Tables and answers of several runs."""
    parts: list[str | Table | Picture] = []
    for table in study["tables"]:
        parts.append(f"{table['network']}, {table['runs']} runs; {HOW_TO_READ_MARKS}:")
        rows = tuple(tuple(map(str, row)) for row in table["rows"])
        parts.append(Table(tuple(map(str, table["columns"])), rows))
    return [*parts, *map(str, study["answers"])]
