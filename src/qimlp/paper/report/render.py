"""Pages out of sections: Markdown with figures beside it, or one HTML file with all in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from qimlp.paper.report.judging import FAILS, HOLDS, IN_PART, OPEN, UNDECIDED


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        columns: Headings.
        rows: One text per column each.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        file: Its place in the folder `figures`, such as `mnist/accuracy.svg`.
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
        parts: Paragraphs, tables and pictures, in order; empty paragraphs are left out.
    """

    title: str
    parts: tuple[str | Table | Picture, ...]


def pictures(sections: Iterable[Section]) -> list[Picture]:
    """List the figures of a report.

    Args:
        sections: Of the report.

    Returns:
        The figures, in order.
    """
    return [part for section in sections for part in section.parts if isinstance(part, Picture)]


def markdown(title: str, sections: Iterable[Section]) -> str:
    """Write a Markdown page; figures are linked from the folder `figures`.

    Args:
        title: Of the page.
        sections: Of the report.

    Returns:
        The page.
    """
    lines = [f"# {title}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        for part in section.parts:
            if part == "":
                continue
            if isinstance(part, Table):
                lines += ["| " + " | ".join(part.columns) + " |"]
                lines += ["| " + " | ".join("---" for _ in part.columns) + " |"]
                lines += ["| " + " | ".join(map(_bold_verdict, row)) + " |" for row in part.rows]
            elif isinstance(part, Picture):
                lines += [f"![{part.caption}](figures/{part.file})", "", part.caption]
            else:
                lines.append(part)
            lines.append("")
    return "\n".join(lines)


def _bold_verdict(text: str) -> str:
    return f"**{text}**" if text in _JUDGED else text


_JUDGED = (HOLDS, IN_PART, FAILS)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 76rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
p { max-width: 52rem; } nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
nav a { color: #0072b2; }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0; display: block;
  overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid #e5e5e5; }
th { background: #f6f6f6; } td { font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
figure { margin: 1.5rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: 13px; }
.holds { color: #00674d; font-weight: 600; } .part { color: #8a5a00; font-weight: 600; }
.fails { color: #a33c00; font-weight: 600; } .open { color: #777; }
"""
_CODE = re.compile("`([^`]+)`")
_CLASS = {HOLDS: "holds", IN_PART: "part", FAILS: "fails", UNDECIDED: "open", OPEN: "open"}
_NUMBER = re.compile(r"(about )?[\d.,]+( ± [\d.]+)?( \(\d+( of \d+)?\))?")


def html(title: str, sections: Iterable[Section], figures: Path) -> str:
    """Write one HTML file with all figures in it.

    Args:
        title: Of the page.
        sections: Of the report.
        figures: Folder of the figures that were made elsewhere.

    Returns:
        The file.

    Raises:
        OSError: If a figure cannot be read.
    """
    sections = list(sections)
    links = "".join(f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(sections))
    body = [f"<h1>{escape(title)}</h1><nav>{links}</nav>"]
    for index, section in enumerate(sections):
        body.append(f'<h2 id="s{index}">{escape(section.title)}</h2>')
        for part in section.parts:
            if part == "":
                continue
            if isinstance(part, Table):
                body.append(_html_table(part))
            elif isinstance(part, Picture):
                svg = part.svg or (figures / part.file).read_text(encoding="utf-8")
                inline = svg[svg.index("<svg") :]
                caption = f"<figcaption>{escape(part.caption)}</figcaption>"
                body.append(f"<figure>{inline}{caption}</figure>")
            else:
                body.append(f"<p>{_inline(part)}</p>")
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'
    )


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join(
        "<tr>" + "".join(_html_cell(text) for text in row) + "</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _html_cell(text: str) -> str:
    kind = _CLASS.get(text, "")
    if text == OPEN or text.startswith(f"{OPEN} ("):
        kind = "open"
    elif _NUMBER.fullmatch(text):
        kind = "number"
    mark = f' class="{kind}"' if kind else ""
    return f"<td{mark}>{_inline(text)}</td>"
