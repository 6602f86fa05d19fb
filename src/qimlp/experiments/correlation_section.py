"""The report's section on strong correlation, from what `qimlp reproduce --correlation` left."""

from pathlib import Path

from qimlp.experiments.analysis.wording import HOW_TO_READ_MARKS
from qimlp.experiments.render import Picture, Section
from qimlp.experiments.rows import Table
from qimlp.files import read_json_object

_INTRODUCTION = (
    "C is computed exactly, per test image, on the trained two-body networks of our recipe. Almost "
    "every vector has C > 0, a random one nearly the most that there can be: what counts is the "
    "distance to the baselines, whose means are the marks above the bars. Figures of one network "
    "show the first seed; tables and answers are over the seeds. The classic MLP has the same "
    "widths and is trained by our recipe, too (one seed)."
)
_FIGURES = {"mnist": "Fig. 6", "cifar10": "Fig. 7"}
_CAPTIONS = {
    "correlation": "{figure}: strong correlation of every hidden layer.",
    "correlation-epochs": "C of every hidden layer over training (1,000 test images).",
    "truncation": "Accuracy when the Schmidt spectrum of one layer's output is cut.",
    "relation": "Accuracy against mean C, one mark per trained network.",
}


def correlation_section(figures: Path, studies: Path) -> Section | None:
    """Put together what is there.

    Args:
        figures: Folder of the figures.
        studies: Folder ``correlation`` of the report.

    Returns:
        The section; None without any figure.

    Raises:
        ValueError: If a comparison of runs is damaged.
    """
    parts: list[str | Table | Picture] = []
    for data, figure in _FIGURES.items():
        pictures = {
            name: Picture(file.name, caption.format(figure=figure), None)
            for name, caption in _CAPTIONS.items()
            if (file := figures / f"{data}-{name}.svg").is_file()
        }
        relation = studies / data / "relation.json"
        if not pictures:
            continue
        if "correlation" in pictures:
            parts.append(pictures.pop("correlation"))
        if relation.is_file():
            parts += _over_runs(relation)
        parts += pictures.values()
    if not parts:
        return None
    parts.append("Command: `qimlp reproduce --correlation`.")
    return Section("Strong correlation", (_INTRODUCTION, *parts))


def _over_runs(relation: Path) -> list[str | Table | Picture]:
    """Tables and answers of several runs."""
    found = read_json_object(relation, what="a comparison of runs")
    parts: list[str | Table | Picture] = []
    try:
        for table in found["tables"]:
            parts.append(f"{table['network']}, {table['runs']} runs; {HOW_TO_READ_MARKS}:")
            rows = tuple(tuple(map(str, row)) for row in table["rows"])
            parts.append(Table(tuple(map(str, table["columns"])), rows))
        return [*parts, *map(str, found["answers"])]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{relation}: expected a comparison of runs, got {error!r}; run "
            "`qimlp reproduce --correlation` again"
        ) from error
