"""The pages of the documentation and the code on them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "benchmarks/*.md", "docs/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
    if "runs" not in path.parts
)


class Block(NamedTuple):
    """A fenced block: its language, its first line's number on the page, and its code."""

    language: str
    line: int
    code: str


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in the given languages, in the order of the page.

    Args:
        page: Path below the project's folder.
        languages: Names of languages, as they stand after the fence.

    Returns:
        The blocks, indented ones (in a tab or a list) moved to the margin.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE):
        margin, language, code = match.groups()
        if language in languages:
            line = text.count("\n", 0, match.start()) + 2
            found.append(Block(language, line, re.sub(f"^{margin}", "", code, flags=re.MULTILINE)))
    return found


def commands(block: Block) -> list[list[str]]:
    """The words of each line of a block that calls `qimlp`."""
    lines = block.code.replace("\\\n", " ").splitlines()
    words = [line.partition(" #")[0].split() for line in lines]
    return [line for line in words if line[:1] == ["qimlp"]]
