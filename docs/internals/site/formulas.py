"""A hook of mkdocs: formulas become MathML while the site is built, so that pages load nothing.

Pages write `$...$` and `$$...$$`, which the code host shows as well; `pymdownx.arithmatex` finds
them and keeps Markdown away from them.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Turn the formulas of one page, called by mkdocs.

    Args:
        content: The page's HTML.

    Returns:
        The HTML with MathML in it.
    """
    return _FORMULA.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    tag, latex = found.groups()
    display = "block" if tag == "div" else "inline"
    formula = convert(html.unescape(latex).strip(), display=display)
    return f'<{tag} class="formula">{formula}</{tag}>'
