"""Calibration rows and types that do not fit: one line, and nothing is written."""

import numpy as np
import pytest
from torch import nn

from qimlp.export import to_c, to_html, to_onnx, to_program
from qimlp.models import QiMLP
from tests.export.subjects import NETWORKS, subject

INTEGERS = {"weights": "i8", "activations": "i8"}
WRONG_ROWS = {
    "width": (np.ones((5, 7)), r"of shape \(n, 12\), got shape \(5, 7\)"),
    "none": (np.ones((0, 12)), r"of shape \(n, 12\), got shape \(0, 12\)"),
    "flat": (np.ones(12), r"of shape \(n, 12\), got shape \(12,\)"),
    "NaN": (np.array([[1.0] * 12, [np.nan] * 12]), "in 1 of 2 rows, first in row 2"),
    "infinity": (np.full((2, 12), np.inf), "in 2 of 2 rows, first in row 1"),
    "texts": ([["a"] * 12], r"expected numbers of shape \(n, 12\), got a list"),
}


@pytest.mark.parametrize("types", [{}, {"weights": "i8"}, INTEGERS], ids=["f32", "w8", "i8"])
@pytest.mark.parametrize("case", WRONG_ROWS)
def test_wrong_calibration_rows_are_refused(tmp_path, case, types):
    rows, said = WRONG_ROWS[case]
    with pytest.raises(ValueError, match=f"calibration: .*{said}"):
        to_c(subject(NETWORKS["two bodies"]()), tmp_path / "out", calibration=rows, **types)
    assert not any(tmp_path.iterdir())


def test_rows_that_never_move_the_network_are_refused(tmp_path):
    with pytest.raises(ValueError, match="calibration: the examples hardly move the outputs"):
        to_c(
            subject(NETWORKS["two bodies"]()),
            tmp_path / "out",
            calibration=np.zeros((5, 12)),
            **INTEGERS,
        )


def test_images_are_calibrated_on_in_their_own_shape(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 3, 4))
    flat, shaped = tmp_path / "flat", tmp_path / "shaped"
    network = subject(NETWORKS["two bodies"](), shape=(3, 4))
    to_c(network, flat, calibration=rows.reshape(20, 12), **INTEGERS)
    to_c(network, shaped, calibration=rows, **INTEGERS)
    for file in flat.iterdir():
        assert file.read_bytes() == (shaped / file.name).read_bytes()
    assert "const float *x" in (shaped / "qimlp_network.h").read_text(encoding="utf-8")


def test_bytes_are_refused_for_other_numbers_and_a_guess_is_said(tmp_path):
    pixels = subject(NETWORKS["two bodies"](), shape=(3, 4))
    with pytest.raises(ValueError, match="input u8: .* got numbers from 0.5 to 0.5; set input"):
        to_c(pixels, tmp_path / "out", input="u8", calibration=np.full((3, 12), 0.5))
    guessed = to_c(pixels, tmp_path / "guessed")
    assert any(note.startswith("input u8: features are taken for pixels") for note in guessed.notes)
    asked = to_c(pixels, tmp_path / "asked", input="u8")
    assert not any(note.startswith("input u8") for note in asked.notes)


@pytest.mark.parametrize("export", [to_c, to_html, to_onnx, to_program])
@pytest.mark.parametrize("given", [None, nn.Linear(2, 2), QiMLP([(2, 2), (2, 2)])], ids=str)
def test_what_is_no_predictor_is_refused(tmp_path, export, given):
    if export is to_onnx:
        pytest.importorskip("onnxruntime")
    with pytest.raises(TypeError, match=f"expected a Predictor, got {type(given).__name__}"):
        export(given, tmp_path / "out")
    assert not any(tmp_path.iterdir())


def test_a_page_of_wrong_examples_is_refused_and_of_huge_ones_made(tmp_path):
    network = subject(NETWORKS["two bodies"]())
    for rows in (np.ones((0, 12)), "rows"):
        with pytest.raises(ValueError, match="examples: expected .*numbers of shape"):
            to_html(network, tmp_path / "out", examples=rows)
    assert not any(tmp_path.iterdir())
    to_html(network, tmp_path / "huge", examples=np.full((3, 12), 1e30))
    assert (tmp_path / "huge" / "qimlp_network.html").is_file()
