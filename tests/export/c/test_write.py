"""`to_c` from a predictor: files, report, choices and refusals."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qimlp import MLP, QiMLP
from qimlp.data import Scaling
from qimlp.export.c import to_c
from qimlp.export.c.manifest import fingerprint
from qimlp.export.describe import describe
from qimlp.export.examples import Examples
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification, Regression
from tests.export.c.compiled import build


def images() -> Predictor:
    network = QiMLP([(4, 5), (3, 3), (1, 3)], rank=2)
    scaling = Scaling("standardize", 20, (33.0,), (78.0,))
    return Predictor(network, Classification(("a", "b", "c")), Features(), scaling, (4, 5))


def columns() -> Predictor:
    network = MLP([3, 8, 2])
    task = Regression(("y", "z"), (3.0, -1.0), (2.0, 5.0))
    scaling = Scaling("standardize", 3, (1.0, 2.0, 1e5), (1.0, 0.5, 2.0))
    names = ("one", "two", "three")
    return Predictor(network.eval(), task, Features(), scaling, (3,), feature_names=names)


def test_files_and_report(tmp_path: Path) -> None:
    report = to_c(images(), tmp_path / "out", name="digits")
    assert sorted(report.files) == ["digits.c", "digits.h", "digits.json", "digits_test.c"]
    known = json.loads((tmp_path / "out/digits.json").read_text())
    assert known == dict(report.details)
    assert known["input"] == {"type": "uint8_t", "features": 20, "shape": [4, 5], "columns": []}
    assert known["output"]["names"] == ["a", "b", "c"]
    assert [layer["rank"] for layer in known["layers"]] == [2, 2]
    assert known["multiply_adds"] == sum(
        layer.shape.multiply_adds() for layer in describe(images()).layers
    )
    header = (tmp_path / "out/digits.h").read_text()
    assert f"#define DIGITS_MULTIPLY_ADDS {known['multiply_adds']}\n" in header
    assert f"#define DIGITS_STATIC_BYTES {known['bytes']['static_ram']}\n" in header
    rows = dict(report.rows)
    assert rows["multiply-adds"] == f"{known['multiply_adds']:,}"
    assert set(rows) == {"flash, about", "static RAM", "stack, at most", "multiply-adds"}
    files = [tmp_path / "out/digits.c", tmp_path / "out/digits_test.c"]
    assert subprocess.run([build(files, tmp_path / "test")], check=False).returncode == 0


def test_the_same_network_gives_the_same_text(tmp_path: Path) -> None:
    predictor = images()
    first, second = (to_c(predictor, tmp_path / out).folder for out in ("one", "two"))
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
        assert path.read_text(encoding="ascii")


def test_the_fingerprint_is_of_all_numbers() -> None:
    predictor = images()
    before = fingerprint(describe(predictor))
    assert before == fingerprint(describe(predictor))
    with torch.no_grad():
        predictor.network.layers[2].factors[1][0, 0, 0] += 1e-6
    assert fingerprint(describe(predictor)) != before


def test_values_in_the_targets_own_units(tmp_path: Path) -> None:
    report = to_c(columns(), tmp_path / "out", name="price")
    assert report.details["output"]["task"] == "regression"
    text = (tmp_path / "out/price.h").read_text()
    assert "int price_predict(const float *x, float *outputs);" in text
    assert "price_target_names[2]" in text
    files = [tmp_path / "out/price.c", tmp_path / "out/price_test.c"]
    assert subprocess.run([build(files, tmp_path / "test")], check=False).returncode == 0
    source = (tmp_path / "out/price.c").read_text()
    assert "price_zero[3]" in source  # one zero and unit for each column
    assert "price_unit[3]" in source


def test_what_rounding_costs_is_said(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = random.integers(0, 256, (50, 20)).astype(float)
    predictor = images()
    labels = torch.from_numpy(describe(predictor).outputs(rows).argmax(axis=1))
    dev = Examples(rows, labels)
    report = to_c(predictor, tmp_path / "out", weights="i4", dev=dev, calibration=rows)
    rows_of_report = dict(report.rows)
    assert rows_of_report["accuracy on dev, as trained"] == "1.0000"
    assert 0.3 < float(rows_of_report["accuracy on dev, in C"]) <= 1
    test = (tmp_path / "out/qimlp_network_test.c").read_text()
    first = ", ".join(str(int(v)) for v in rows[0, :8])
    assert first in test  # examples of the run are stored


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "int"}, "name: int is a keyword of C or C"),
        ({"name": "class"}, "name: class is a keyword of C or C"),
        ({"name": "two words"}, "name: expected a letter and then letters"),
        ({"name": "3d"}, "name: expected a letter and then letters"),
        ({"name": "_Bool"}, "name: expected a letter and then letters"),
        ({"name": "x" * 49}, "48 at most"),
        ({"weights": "i2"}, "weights: expected one of f32, i8, i4, got 'i2'"),
        ({"activations": "f16"}, "activations: expected one of f32, i16, i8, got 'f16'"),
        ({"input": "i8"}, "input: expected one of u8, f32, got 'i8'"),
        ({"activations": "i8"}, "activations i8: .* set weights to i8 or i4"),
    ],
)
def test_one_line_says_what_is_wrong(given: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        to_c(images(), tmp_path / "out", **given)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="exists; choose another folder"):
        to_c(images(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_columns_that_a_float_cannot_tell_apart_are_named(tmp_path: Path) -> None:
    predictor = columns()
    far = Scaling("standardize", 3, (1.0, 1.7e9, 1e5), (1.0, 3600.0, 2.0))
    notes = to_c(replace(predictor, scaling=far), tmp_path / "far").notes
    assert "column two (and 1 more): its values lie so far from zero" in notes[1]
    assert len(to_c(images(), tmp_path / "near", input="u8").notes) == 1


def test_numbers_too_large_for_float_leave_nothing(tmp_path: Path) -> None:
    predictor = columns()
    predictor.network.double()
    with torch.no_grad():
        predictor.network.layers[0].weight[0, 0] = 1e300
    with pytest.raises(ValueError, match="single precision can hold, got 1e\\+300"):
        to_c(predictor, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
