"""A hook of mkdocs: tables that are made from the code while the site is built.

`<!-- fields: OptimisationSettings -->` becomes a table of the settings of that group, and
`<!-- names: qimlp.nn -->` a table of the names of a face that the page does not describe.
"""

from __future__ import annotations

import importlib
import inspect
import re
import types
from typing import Any, get_origin

_PLACE = re.compile(r"^<!-- (fields|names): ([\w.]+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables of one page in their places, called by mkdocs.

    Args:
        markdown: The page's source.

    Returns:
        The source with tables in it.
    """

    def table(found: re.Match[str]) -> str:
        kind, name = found.groups()
        return fields_table(name) if kind == "fields" else names_table(name, markdown)

    return _PLACE.sub(table, markdown)


def fields_table(group: str) -> str:
    """Make the table of a group of settings.

    Args:
        group: Its class, of `qimlp.settings`.

    Returns:
        A row for each setting: its name, its default and its description.
    """
    model = getattr(importlib.import_module("qimlp.settings"), group)
    rows = [
        (f"`{name}`", _default(field.default), field.description)
        for name, field in model.model_fields.items()
    ]
    return _table(("setting", "default", "meaning"), rows)


def names_table(module: str, page: str) -> str:
    """Make the table of the names of a face that a page does not describe.

    Args:
        module: The face.
        page: The source of the page.

    Returns:
        A row for each name: what it is, and the first line of its docstring.
    """
    face = importlib.import_module(module)
    described = set(re.findall(rf"^::: (?:{re.escape(module)}|qimlp)\.(\w+)$", page, re.MULTILINE))
    rows = [
        (f"`{name}`", _first_line(getattr(face, name)))
        for name in face.__all__
        if name not in described
    ]
    return _table(("name", "what it is"), rows)


def _first_line(thing: Any) -> str:
    if inspect.isclass(thing) or callable(thing):
        text = inspect.getdoc(thing) or ""
        if not isinstance(thing, types.GenericAlias) and not get_origin(thing):
            return text.partition("\n\n")[0].replace("\n", " ")
    return "A type." if get_origin(thing) or isinstance(thing, types.UnionType) else "A constant."


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`" if value else "none"
    return f"`{value}`" if value != "" else "none"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
