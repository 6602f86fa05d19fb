"""The front page: its picture and its numbers are those of the stored results."""

import re
from pathlib import Path

import pytest

from docs.images.front import draw, measured

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def text():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_numbers_on_mnist_are_those_of_the_results(text):
    found = measured()
    rows = re.findall(
        r"^\| MNIST[^|]*\| ([\d,]+) \| ([\d.]+) [^|]*\| ([\d,]+) \| ([\d.]+)", text, re.M
    )
    assert len(rows) == 2
    for (size, accuracy, mlp, of_mlp), name in zip(rows, ("2b", "2b-rank4"), strict=True):
        for network, shown, value in ((name, size, accuracy), ("mlp", mlp, of_mlp)):
            assert f"{found[network][0]:,}" == shown
            assert f"{found[network][1]:.4f}" == value


def test_the_picture_is_drawn_anew(tmp_path):
    draw(tmp_path / "front.png")
    drawn = (tmp_path / "front.png").stat().st_size
    assert drawn == pytest.approx((ROOT / "docs/images/front.png").stat().st_size, rel=0.2)


def test_its_packages_are_there(text):
    """The paragraph on installing names extras that there are."""
    (extras,) = re.findall(r"^pip install '\.\[([\w,]+)\]'", text, re.MULTILINE)
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", settings, re.MULTILINE), extra
