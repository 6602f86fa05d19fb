"""Scripts and style sheets made small, so that a page is a few kilobytes beside its weights.

Scripts keep to a part of JavaScript that this understands: a semicolon ends every statement, texts
have double quotes, and there are neither regular expressions nor templates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import count, product
from string import ascii_letters

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_$][\w$]*)"""
    r"""|(?P<blank>\s+)|[0-9][\w.]*|.""",
    re.DOTALL,
)
_NEEDS_BLANK = re.compile(r"[\w$]{2}|\+\+|--")
_LIST = r"[\w$\s,]+"
_DECLARED = re.compile(
    rf"(?:const|let)\s*\[({_LIST})\]|(?:const|let|function)\s+([\w$]+)|\(({_LIST})\)\s*=>"
    rf"|([\w$]+)\s*=>|function\s+[\w$]+\(({_LIST})\)|,\s*([\w$]+)\s*=[^=>]"
)
_KEYS = re.compile(rf"\{{({_LIST})\}}")
"""Names in braces alone: properties of what is taken apart or put together."""


def small_scripts(scripts: Sequence[str], keep: Collection[str]) -> list[str]:
    """Leave out comments and blanks, and shorten names.

    Args:
        scripts: Of one page, which know of each other's names.
        keep: Names that others ask for.

    Returns:
        The scripts, which do the same.
    """
    bare = [_without_blanks(script) for script in scripts]
    names = _short_names("\n".join(bare), keep)
    return [_TOKEN.sub(lambda token: names.get(token[0], token[0]), script) for script in bare]


def _without_blanks(script: str) -> str:
    kept = [token for token in _TOKEN.finditer(script) if token["comment"] is None]
    parts: list[str] = []
    for token, after in zip(kept, [*kept[1:], None], strict=True):
        if token["blank"] is None:
            parts.append(token[0])
        elif parts and after and _NEEDS_BLANK.fullmatch(parts[-1][-1] + after[0][0]):
            parts.append(" ")
    return "".join(parts)


def _short_names(script: str, keep: Collection[str]) -> dict[str, str]:
    """Short names for those that are declared, but for properties; most frequent first."""
    tokens = [token[0] for token in _TOKEN.finditer(script)]
    words = Counter(token[0] for token in _TOKEN.finditer(script) if token["word"])
    sides = zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False)
    fixed = {word for before, word, after in sides if before == "." or after == ":"}
    for found in _KEYS.finditer(script):
        fixed |= set(_words(found[1]))
    declared: set[str] = set()
    for found in _DECLARED.finditer(script):
        declared |= {word for group in found.groups() if group for word in _words(group)}
    longest_gain = sorted(
        (word for word in declared - fixed - set(keep) if len(word) > 2),
        key=lambda word: (-words[word] * len(word), word),
    )
    return dict(zip(longest_gain, _free_names(words), strict=False))


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_$][\w$]*", text)


def _free_names(taken: Collection[str]) -> Iterator[str]:
    reserved = {*taken, "do", "if", "in", "of", "as"}
    for length in count(1):
        for letters in product(ascii_letters, repeat=length):
            name = "".join(letters)
            if name not in reserved:
                yield name


def small_style(style: str) -> str:
    """Leave out blanks.

    Args:
        style: A style sheet without comments.

    Returns:
        The same rules.
    """
    joined = re.sub(r"(?<=[\w\"-]):\s+", ":", " ".join(style.split()))
    return re.sub(r"\s*([{};,])\s*", r"\1", joined).replace(";}", "}")


def small_markup(text: str) -> str:
    """Leave out indentation and empty lines.

    Args:
        text: HTML.

    Returns:
        The same elements.
    """
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
