"""Formulas become MathML that holds no LaTeX any more."""

import re

import pytest

from tests.docs.pages import ROOT

pytest.importorskip("latex2mathml", reason='the site needs pip install -e ".[docs]"')

PAGE = "docs/mathematics.md"


def test_no_command_of_latex_is_left_over():
    from latex2mathml.converter import convert

    text = re.sub(r"```.*?```", "", (ROOT / PAGE).read_text(encoding="utf-8"), flags=re.DOTALL)
    formulas = [a or b for a, b in re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", text, re.DOTALL)]
    assert len(formulas) > 60
    for formula in formulas:
        assert "\\" not in convert(formula.strip()), formula


def test_formulas_of_a_page_become_mathml():
    from docs.internals.site.formulas import on_page_content

    inline = '<p><span class="arithmatex">\\(a &lt; b\\)</span></p>'
    made = on_page_content(inline + '<div class="arithmatex">\\[\nc\n\\]</div>', page=None)
    assert made.count("<math") == 2
    assert "\\" not in made
    assert 'display="block"' in made
    assert "&lt;" in made or "&#x0003C;" in made
