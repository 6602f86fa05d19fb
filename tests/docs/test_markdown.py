"""Pages are written so that the code host and the site show the same."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT

_ITEM = re.compile(r"( *)(?:[-*]|\d+\.) ")


def lines(page):
    """The lines of a page without its code, each with its number and the one before."""
    text = (ROOT / page).read_text(encoding="utf-8")
    hidden = re.sub(
        r"^ *```.*?^ *```$",
        lambda block: "\n" * block[0].count("\n"),
        text,
        flags=re.DOTALL | re.MULTILINE,
    )
    found = hidden.split("\n")
    return list(zip(range(1, len(found) + 1), found, ["", *found], strict=False))


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_lists_and_tables_are_those_of_the_site(page):
    for number, line, before in lines(page):
        if item := _ITEM.match(line):
            depth = len(item[1])
            assert depth % 4 == 0, f"{page}:{number}: items within items begin after four spaces"
            begins = before.strip() and not before.startswith(" ") and not _ITEM.match(before)
            assert not begins, f"{page}:{number}: a list begins after an empty line"
        elif line.startswith("|") and before.strip():
            assert before.startswith("|"), f"{page}:{number}: a table begins after an empty line"
        elif line.startswith("  ") and not before.strip():
            assert line.startswith("    "), f"{page}:{number}: further paragraphs of an item too"


def test_no_folder_of_pages_is_crowded():
    folders = [ROOT / "docs", *(path for path in (ROOT / "docs").rglob("*") if path.is_dir())]
    folders = [folder for folder in folders if "runs" not in folder.parts]
    assert len(folders) > 8
    for folder in folders:
        own = [path for path in folder.iterdir() if path.name != "__pycache__"]
        assert len(own) <= 16, folder
