"""What a page of the report is made of."""

from dataclasses import dataclass

from qimlp.experiments.tables import Table


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
