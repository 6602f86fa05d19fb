"""The page's own text: files beside this one, put together and made small."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from importlib.resources import files

from qimlp.export.html.small import small_markup, small_scripts, small_style

_KEEP = ("makePredict",)
"""Of the scripts' names those that tests ask for."""
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def fill(
    title: str, data: str, input_part: str, styles: Iterable[str], scripts: Iterable[Iterable[str]]
) -> bytes:
    """Write a page.

    Args:
        title: Any text.
        data: JSON without `<`.
        input_part: Name of the file of what the user fills in.
        styles: Names of style sheets.
        scripts: Names of scripts for each of the page's two: the network, and what the user sees.

    Returns:
        The page in UTF-8.
    """
    style = small_style("".join(map(_read, styles)))
    network, interface = small_scripts(["".join(map(_read, part)) for part in scripts], _KEEP)
    hashes = " ".join(map(_hash, (network, interface)))
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {
        "title": escape(title),
        "policy": policy,
        "style": style,
        "input": small_markup(_read(input_part)),
        "data": data,
        "network": network,
        "interface": interface,
    }
    page = _filled(small_markup(_read("interface/page.html")), values)
    return page.encode("utf-8", "xmlcharrefreplace")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Replace every place at once, so that no value is looked at again."""
    return _PLACE.sub(lambda match: values[match[1]], text)


@lru_cache(maxsize=32)
def _read(name: str) -> str:
    place = files("qimlp.export.html").joinpath("template", *name.split("/"))
    return place.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
