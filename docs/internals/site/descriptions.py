"""A hook of mkdocs: a page is described to search engines by the sentences that it begins with."""

from __future__ import annotations

import html
import re
from typing import Any

_LONGEST = 200


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Give a page its description, called by mkdocs.

    Args:
        markdown: The page's source.
        page: The page, whose `meta` gets the description where it has none.

    Returns:
        The source as it was.
    """
    if found := first_sentences(markdown):
        page.meta.setdefault("description", html.escape(found))
    return markdown


def first_sentences(markdown: str) -> str:
    """What stands first on a page, without marks.

    Args:
        markdown: The page's source.

    Returns:
        The first paragraph, cut after a whole sentence, or a whole word, of at most 200 characters.
        Empty where no paragraph begins with a letter.
    """
    paragraphs = re.split(r"\n\s*\n", re.sub(r"^```.*?^```$", "", markdown, flags=re.S | re.M))
    plain = [paragraph for paragraph in paragraphs if re.match(r"[\w`*\[]", paragraph)]
    if not plain:
        return ""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*$]", r"\1", " ".join(plain[0].split()))
    if len(text) <= _LONGEST:
        return text
    cut = text[:_LONGEST]
    sentence = cut.rfind(". ") + 1
    return cut[:sentence] if sentence > _LONGEST // 3 else f"{cut[: cut.rfind(' ')]} ..."
