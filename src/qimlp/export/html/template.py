"""The page's own text: files beside this one, put together and made small."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from importlib.resources import files

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*\n)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<blank>\s+)|[^\s"/]+|/""", re.DOTALL
)
_NEEDS_BLANK = re.compile(r"[\w$]{2}|\+\+|--")
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
    style = _style("".join(map(_read, styles)))
    network, interface = ("\n".join(_script(_read(name)) for name in part) for part in scripts)
    hashes = " ".join(map(_hash, (network, interface)))
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {
        "title": escape(title),
        "policy": policy,
        "style": style,
        "input": _markup(_read(input_part)),
        "data": data,
        "network": network,
        "interface": interface,
    }
    page = _filled(_markup(_read("page.html")), values)
    return page.encode("utf-8", "xmlcharrefreplace")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Replace every place at once, so that no value is looked at again."""
    return _PLACE.sub(lambda match: values[match[1]], text)


@lru_cache(maxsize=32)
def _read(name: str) -> str:
    place = files("qimlp.export.html").joinpath("template", name)
    return place.read_text(encoding="utf-8")


def _script(text: str) -> str:
    """Leave out comments and blanks; in these scripts a semicolon ends every statement."""
    return "".join(_small(match) for match in _TOKEN.finditer(text))


def _small(token: re.Match[str]) -> str:
    if token["comment"] is not None:
        return ""
    if token["blank"] is None:
        return token[0]
    beside = token.string[token.start() - 1 : token.start()] + token.string[token.end() :][:1]
    return " " if _NEEDS_BLANK.fullmatch(beside) else ""


def _style(text: str) -> str:
    return re.sub(
        r"\s*([{};,])\s*", r"\1", re.sub(r"(?<=[\w\"]):\s+", ":", " ".join(text.split()))
    ).replace(";}", "}")


def _markup(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
