"""The report: a Markdown page with figures beside it, and one HTML file that holds everything."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from qimlp.experiments.claims import verdicts
from qimlp.experiments.figures import (
    accuracy_against_copies,
    accuracy_and_parameters,
    learning_curves,
    text_accuracies,
)
from qimlp.experiments.summary import Summaries
from qimlp.experiments.tables import Table, accuracy_table, cost_table, verdict_table
from qimlp.files import read_json_object, write_text


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        file: Its file name.
        caption: Below it.
        svg: The figure; None where the file is made elsewhere.
    """

    file: str
    caption: str
    svg: str | None


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: Its heading.
        parts: Paragraphs, tables and pictures, in order.
    """

    title: str
    parts: tuple[str | Table | Picture, ...]


_TITLE = "Reproduction of QiMLP (AAAI-25)"
_HOW_TO_READ = (
    "Test accuracy, mean over seeds with its 95 % interval (Student's t) and, in brackets, the "
    "number of seeds. Every run splits the official training set 8:2 into train and dev. "
    "Dev-selected: the weights of the epoch with the best dev accuracy, test set read once. Best "
    "test seen (the protocol of the authors' code, here once an epoch): the largest test accuracy "
    "of any epoch; it flatters every model, in the figures by the hollow caps. Paper settings: "
    "recipe paper, the published hyperparameters. Our recipe: recipe tuned, at the same networks "
    "and parameters."
)
_CONTROL = (
    "The paper's MNIST control is weak: 0.9533 is published for a classic MLP that reaches about "
    "0.985 when it is trained properly (row mlp, our recipe). Networks called narrow and low-rank "
    "are ordinary ones with at most the parameters of the multi-body network they are named "
    "after. With 769 parameters or fewer no ordinary MLP on 784 pixels exists at all: one unit a "
    "layer takes 807."
)
_CORRELATION = (
    "C is computed exactly, per test image, on the trained two-body networks of our recipe. Almost "
    "every vector has C > 0, a random one nearly the most that there can be: what counts is the "
    "distance to the baselines, whose means are the marks above the bars. Sentences are over the "
    "seeds; figures show the first."
)


def write_report(found: Summaries, folder: Path) -> tuple[Path, Path]:
    """Write ``README.md`` with ``figures/``, and ``report.html``.

    Args:
        found: Summaries of all variants.
        folder: Made if missing.

    Returns:
        The Markdown page and the HTML file.

    Raises:
        OSError: If something cannot be written.
    """
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    sections = _sections(found, figures)
    for picture in _pictures(sections):
        if picture.svg is not None:
            write_text(figures / picture.file, picture.svg)
    page, html = folder / "README.md", folder / "report.html"
    write_text(page, _markdown(sections))
    write_text(html, _html(sections, figures))
    return page, html


def _sections(found: Summaries, figures: Path) -> list[Section]:
    run = sum(len(summary.entries) for summary in found.values())
    state = f"{run} runs of {sum(s.variant.seeds for s in found.values())} are in this report."
    sections = [
        Section("How to read this", (_HOW_TO_READ, state)),
        Section("Claims", (verdict_table(verdicts(found)),)),
    ]
    for data, title, first, second in (
        ("mnist", "MNIST", "Fig. 2", "Fig. 3"),
        ("cifar10", "CIFAR-10", "Fig. 4", "Fig. 5"),
    ):
        one, two = accuracy_and_parameters(found, data), accuracy_against_copies(found, data)
        parts: list[str | Table | Picture] = [
            Picture(
                f"{data}-accuracy.svg",
                f"{first}: accuracy (the axis does not start at 0) and parameters.",
                one,
            ),
            Picture(
                f"{data}-copies.svg",
                f"{second}: accuracy for k copies (the axes do not start at 0).",
                two,
            ),
            accuracy_table(found, data),
            f"Command: `qimlp reproduce --only {data}`.",
        ]
        if data == "mnist":
            parts.insert(0, _CONTROL)
        sections.append(Section(title, tuple(parts)))
    sections.append(_texts(found))
    sections.append(_appendix(found))
    extra = _correlation(figures, figures.parent / "correlation")
    return [*sections, extra] if extra is not None else sections


def _texts(found: Summaries) -> Section:
    return Section(
        "Texts",
        (
            Picture("texts.svg", "Fig. 8: IMDb and 20 Newsgroups.", text_accuracies(found)),
            "20 Newsgroups: 5,000 TF-IDF terms learned on the train part; a linear support vector "
            "machine on these features reaches 0.807 (two seeds). Spectral order: the vocabulary "
            "in an order learned from the train part without labels (recursive spectral bisection)."
            " What was tried for the rows of texts stands in text-recipes.md.",
            accuracy_table(found, "20newsgroups"),
            "IMDb: heads on the output of a frozen encoder, which the figure names; the published "
            "numbers are with a fine-tuned bert-base-uncased and cannot be compared directly.",
            accuracy_table(found, "imdb"),
            "Commands: `qimlp reproduce --only 20newsgroups`, `qimlp reproduce --only imdb` "
            "(with `--encoder bert-base-uncased` for the paper's encoder).",
        ),
    )


def _appendix(found: Summaries) -> Section:
    parts: list[str | Table | Picture] = []
    for data, numbers, table in (("mnist", "1 and 2", "1"), ("cifar10", "3 and 4", "2")):
        for column, words in (("paper", "paper settings"), ("tuned", "our recipe")):
            svg = learning_curves(found, data, column)
            caption = f"Appendix Figs. {numbers}, {words}: loss and accuracy against batches."
            parts.append(Picture(f"{data}-curves-{column}.svg", caption, svg))
        parts += [
            f"Appendix Table {table}: time and memory.",
            cost_table(found, data),
            f"Command: `qimlp reproduce --only {data}`.",
        ]
    return Section("Appendix of the paper", tuple(parts))


def _correlation(figures: Path, studies: Path) -> Section | None:
    """Figs. 6 and 7, where `qimlp reproduce --correlation` has left them."""
    parts: list[str | Table | Picture] = []
    for data, figure in (("mnist", "Fig. 6"), ("cifar10", "Fig. 7")):
        pictures = [
            Picture(file.name, words, None)
            for name, words in (
                ("correlation", f"{figure}: strong correlation of every hidden layer."),
                ("truncation", "Accuracy when the Schmidt spectrum of one layer's output is cut."),
            )
            if (file := figures / f"{data}-{name}.svg").is_file()
        ]
        parts += pictures
        relation = studies / data / "relation.json"
        if pictures and relation.is_file():
            parts += read_json_object(relation, what="a comparison of runs")["answers"]
    if not parts:
        return None
    parts.append("Command: `qimlp reproduce --correlation`.")
    return Section("Strong correlation", (_CORRELATION, *parts))


def _pictures(sections: Iterable[Section]) -> list[Picture]:
    return [part for section in sections for part in section.parts if isinstance(part, Picture)]


def _markdown(sections: list[Section]) -> str:
    lines = [f"# {_TITLE}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        for part in section.parts:
            if isinstance(part, Table):
                lines += ["| " + " | ".join(part.columns) + " |"]
                lines += ["| " + " | ".join("---" for _ in part.columns) + " |"]
                lines += ["| " + " | ".join(row) + " |" for row in part.rows]
            elif isinstance(part, Picture):
                lines += [f"![{part.caption}](figures/{part.file})", "", part.caption]
            else:
                lines.append(part)
            lines.append("")
    return "\n".join(lines)


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 68rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0; display: block;
  overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid #e5e5e5; }
th { background: #f6f6f6; } td { font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: 13px; }
.holds { color: #00674d; font-weight: 600; } .part { color: #8a5a00; font-weight: 600; }
.fails { color: #a33c00; font-weight: 600; } .open { color: #777; }
"""
_CODE = re.compile("`([^`]+)`")
_CLASS = {
    "holds": "holds",
    "holds in part": "part",
    "does not hold here": "fails",
    "not run": "open",
}


def _html(sections: list[Section], figures: Path) -> str:
    body = [f"<h1>{escape(_TITLE)}</h1>"]
    for section in sections:
        body.append(f"<h2>{escape(section.title)}</h2>")
        for part in section.parts:
            if isinstance(part, Table):
                body.append(_html_table(part))
            elif isinstance(part, Picture):
                svg = part.svg or (figures / part.file).read_text(encoding="utf-8")
                inline = svg[svg.index("<svg") :]
                caption = f"<figcaption>{escape(part.caption)}</figcaption>"
                body.append(f"<figure>{inline}{caption}</figure>")
            else:
                text = _CODE.sub(r"<code>\1</code>", escape(part))
                body.append(f"<p>{text}</p>")
    head = f'<meta charset="utf-8"><title>{escape(_TITLE)}</title><style>{_STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'
    )


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join(
        "<tr>" + "".join(_html_cell(text) for text in row) + "</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _html_cell(text: str) -> str:
    mark = f' class="{_CLASS[text]}"' if text in _CLASS else ""
    return f"<td{mark}>{escape(text)}</td>"
