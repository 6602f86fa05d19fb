"""A page as a file: how large it is, what it lets happen, and what is refused."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from qimlp.data import Encoder, Scaling, column_order
from qimlp.export.html import to_html
from qimlp.export.html.small import small_scripts
from qimlp.models import MLP, QiMLP
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification
from tests.export.html.pages import policy, read

DIGITS = tuple("0123456789")


def digits(network=None, shape=(28, 28)):
    """Two-body layers on MNIST, as `qimlp train mnist` makes them."""
    torch.manual_seed(0)
    network = network or QiMLP([(28, 28), (28, 28), (28, 28), (2, 5)])
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    return Predictor(
        network=network.eval(),
        task=Classification(DIGITS),
        features=Features(order=tuple(column_order((28, 28)).tolist())),
        scaling=Scaling("standardize", 784, (33.31842041015625,), (78.56748962402344,)),
        feature_shape=shape,
    )


def test_a_page_of_mnist_is_small(tmp_path):
    report = to_html(digits(), tmp_path / "page", name="digits", title="Digits")
    assert report.files == {"digits.html": (tmp_path / "page" / "digits.html").stat().st_size}
    assert report.files["digits.html"] <= 30_000
    assert report.details == {"parameters": 3451, "multiply_adds": 89_656}
    assert "3,451" in str(report)


def test_the_same_network_gives_the_same_page(tmp_path):
    for name in ("a", "b"):
        to_html(digits(), tmp_path / name)
    first, second = ((tmp_path / n / "qimlp_network.html").read_bytes() for n in "ab")
    assert first == second


def test_the_policy_lets_its_own_scripts_alone_run(tmp_path):
    to_html(digits(), tmp_path / "page")
    _, *scripts = read(tmp_path / "page")
    said = policy(tmp_path / "page")
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    own = " ".join(f"'sha256-{value}'" for value in hashes)
    assert said.startswith(f"default-src 'none'; script-src {own}; style-src 'sha256-")
    assert "unsafe" not in said
    text = (tmp_path / "page" / "qimlp_network.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]|\son\w+=|style=", text.split("<style>")[0])


def test_weights_are_little_endian_float32(tmp_path):
    made = digits()
    to_html(made, tmp_path / "page")
    stored = np.frombuffer(base64.b64decode(read(tmp_path / "page")[0]["weights"]), "<f4")
    first = made.network.layers[0].factors[0].detach().numpy().ravel()
    np.testing.assert_array_equal(stored[: first.size], first)
    assert stored.size == 3451


def test_no_name_is_markup(tmp_path):
    hostile = "</script><!--<b>&'\"\u2028\ud800{{data}}"
    made = replace(digits(), task=Classification((hostile, *DIGITS[1:])))
    to_html(made, tmp_path / "page", title=hostile)
    text = (tmp_path / "page" / "qimlp_network.html").read_text(encoding="utf-8")
    data, *others = read(tmp_path / "page")
    assert data["task"]["names"][0] == hostile
    assert len(others) == 2
    assert "<b>" not in text.split("<main>")[0]
    assert text.count("<!--") == 0


def test_all_of_the_template_is_in_the_package():
    settings = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    assert '"export/html/template/*/*"' in settings
    template = files("qimlp.export.html") / "template"
    parts = [path.name for folder in template.iterdir() for path in folder.iterdir()]
    assert {"page.html", "page.css", "network.js", "table.js"} <= set(parts)


def test_scripts_are_made_small_and_stay_themselves():
    first = 'const longer = {kept: "a longer  text // no comment"};  // a comment\n'
    second = "function other(value, {size}) { return value.longName + +size - longer.kept; }\n"
    found = small_scripts([first, second], ["other"])
    assert found == [
        'const a={kept:"a longer  text // no comment"};',
        "function other(value,{size}){return value.longName+ +size-a.kept;}",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": Features(encoder=Encoder("x", "mean", 8))}, "got one on texts"),
        ({"feature_shape": (4, 14, 14)}, "images of 1 or 3 channels"),
    ],
)
def test_what_a_page_cannot_do_is_refused(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        to_html(replace(digits(), **change), tmp_path / "page")
    assert list(tmp_path.iterdir()) == []


def test_a_form_that_nobody_fills_in_is_refused(tmp_path):
    made = replace(digits(), network=MLP([2000, 10]), features=Features(), feature_shape=(2000,))
    made = replace(made, scaling=Scaling("none", 2000, (0.0,), (1.0,)))
    with pytest.raises(ValueError, match="at most 1,000 columns"):
        to_html(made, tmp_path / "page")


def test_names_examples_and_folders_are_checked(tmp_path):
    with pytest.raises(ValueError, match="name: expected a letter"):
        to_html(digits(), tmp_path / "page", name="../x")
    with pytest.raises(ValueError, match=r"examples: expected finite numbers of shape \(n, 784\)"):
        to_html(digits(), tmp_path / "page", examples=np.zeros((3, 5)))
    (tmp_path / "page").mkdir()
    with pytest.raises(FileExistsError, match="exists"):
        to_html(digits(), tmp_path / "page")
    json.dumps(to_html(digits(), tmp_path / "other").to_dict())
