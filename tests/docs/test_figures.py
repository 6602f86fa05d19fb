"""The drawn figures are those that their script draws."""

import re

import pytest

from tests.docs.pages import ROOT

pytest.importorskip("matplotlib", reason='figures need pip install -e ".[train]"')

FOLDER = ROOT / "docs/images/mathematics"
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def drawn_marks(path):
    """Words and forms of a figure: what is written, and for each form its kind, colour, numbers.

    Letters are left out: their outlines are those of a font, which may change with matplotlib.
    """
    text = path.read_text(encoding="utf-8")
    words = re.findall(r"<!-- (.*?) -->", text, re.DOTALL)
    forms = [
        (style, [float(number) for number in NUMBER.findall(outline)])
        for outline, style in re.findall(r'<path d="([^"]*)"[^>]*? style="([^"]*)"', text)
    ]
    return words, forms


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    from docs.images.mathematics.__main__ import draw

    folder = tmp_path_factory.mktemp("figures")
    draw(folder)
    return folder


def test_every_figure_is_drawn_by_the_script(drawn):
    assert {path.name for path in FOLDER.glob("*.svg")} == {path.name for path in drawn.iterdir()}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.stem)
def test_a_figure_is_what_the_script_draws(path, drawn):
    (words, forms), (new_words, new_forms) = drawn_marks(path), drawn_marks(drawn / path.name)
    assert words == new_words
    assert len(words) >= 3
    assert [style for style, _ in forms] == [style for style, _ in new_forms]
    for (_, numbers), (_, new) in zip(forms, new_forms, strict=True):
        assert new == pytest.approx(numbers, abs=0.01)
    assert len(forms) >= 8


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.stem)
def test_a_figure_is_small_and_loads_nothing(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 80_000
    assert not re.search(r"<image|<script|href=\"(?!#)", text)


def test_every_figure_is_shown_with_words_for_who_cannot_see_it():
    page = (ROOT / "docs/mathematics.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"!\[([^\]]+)\]\(images/mathematics/([\w-]+\.svg)\)", page))
    assert sorted(shown.values()) == sorted(path.name for path in FOLDER.glob("*.svg"))
    assert all(len(words) > 40 for words in shown)
