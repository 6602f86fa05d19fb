"""Pages in a browser: what a person does changes the answer, and nothing is refused or fails."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from qimlp.data import Scaling
from qimlp.export.describe import describe
from qimlp.export.html import to_html
from qimlp.models import QiMLP
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification
from tests.export.html.browser import browsing, chromium

SEVEN = [(0.3, 0.25), (0.5, 0.25), (0.7, 0.25), (0.6, 0.5), (0.46, 0.78)]
PIXELS = """
[...seen.getContext("2d").getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)
"""
HOSTILE = (
    '</script><script>document.title="hit"</script>',
    "<!--",
    "\"'&",
    "\u2028é漢",
    "{{data}}",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if chromium() is None:
        pytest.skip("chromium is not installed")
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


def images(classes, shape=(28, 28)):
    torch.manual_seed(0)
    width = int(np.prod(shape))
    network = QiMLP([(width // 28, 28), (4, 4), (1, len(classes))])
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return Predictor(
        network=network.eval(),
        task=Classification(classes),
        features=Features(),
        scaling=Scaling("standardize", width, (33.0,), (78.0,)),
        feature_shape=shape,
    )


def table():
    network = QiMLP([(2, 2), (3, 2), (1, 3)])
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    return Predictor(
        network=network.eval(),
        task=Classification(("x", "y", "z")),
        features=Features(),
        scaling=Scaling("standardize", 4, (1.0, 2.0, 0.0, 0.0), (1.0, 0.5, 1.0, 1.0)),
        feature_shape=(4,),
        feature_names=("length", "<b>width</b>", "kind=a", "kind=b"),
    )


def bars(browser):
    return browser.evaluate(
        "[...document.querySelectorAll('#bars output')].map(o => o.textContent)"
    )


def percents(made, row):
    answers = describe(made).answers([row])[0]
    return [f"{100 * p:.1f} %" for p in answers]


def test_a_stroke_changes_the_bars(browser, tmp_path):
    to_html(images(tuple("0123456789")), tmp_path / "page")
    browser.errors.clear()
    browser.open(tmp_path / "page" / "qimlp_network.html")
    assert bars(browser) == [""] * 10
    browser.draw("#pad", SEVEN)
    after = bars(browser)
    assert all(re.fullmatch(r"\d+\.\d %", value) for value in after)
    assert len(set(after)) > 1
    seen = browser.evaluate(PIXELS)
    grid = np.array(seen).reshape(28, 28) / 255
    rows = np.nonzero(grid > 0.02)[0]
    assert np.ptp(rows) <= 21
    middle = [(grid.sum(axis) * (np.arange(28) + 0.5)).sum() / grid.sum() for axis in (0, 1)]
    np.testing.assert_allclose(middle, [14, 14], atol=0.1)
    browser.evaluate("document.getElementById('clear').click()")
    browser.settle()
    assert bars(browser) == [""] * 10
    assert browser.errors == []


def test_an_example_is_seen_pixel_by_pixel(browser, tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (9, 784)).astype(float)
    made = images(tuple("0123456789"))
    to_html(made, tmp_path / "page", examples=rows)
    browser.errors.clear()
    browser.open(tmp_path / "page" / "qimlp_network.html")
    browser.evaluate("document.querySelector('#examples button').click()")
    browser.settle()
    seen = np.array(browser.evaluate(PIXELS))
    assert min(np.abs(seen - row).max() for row in rows) == 0
    assert browser.errors == []


@pytest.mark.parametrize("width", [360, 1200])
def test_names_from_files_do_no_harm(browser, tmp_path, width):
    to_html(images(HOSTILE), tmp_path / "page", title=HOSTILE[0])
    browser.errors.clear()
    browser.open(tmp_path / "page" / "qimlp_network.html", width=width)
    names = browser.evaluate(
        "[...document.querySelectorAll('#bars li')].map(row => row.firstChild.textContent)"
    )
    assert tuple(names) == HOSTILE
    assert browser.evaluate("document.title") == HOSTILE[0]
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.errors == []


def test_a_form_answers(browser, tmp_path):
    made = table()
    to_html(made, tmp_path / "page")
    browser.errors.clear()
    browser.open(tmp_path / "page" / "qimlp_network.html", width=360)
    assert bars(browser) == percents(made, [1, 2, 1, 0])
    browser.evaluate("field1.value = 3; field1.oninput()")
    browser.evaluate("field2.value = '3'; field2.onchange()")
    browser.settle()
    assert bars(browser) == percents(made, [1, 3, 0, 1])
    browser.evaluate("field0.value = ''; field0.oninput()")
    assert browser.evaluate("field0.getAttribute('aria-invalid')") == "true"
    labels = browser.evaluate("[...document.querySelectorAll('label')].map(l => l.textContent)")
    assert labels == ["length", "<b>width</b>", "kind"]
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.errors == []
