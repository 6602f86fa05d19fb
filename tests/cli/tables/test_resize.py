"""Images of several sizes from the command line."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path):
    random = np.random.default_rng(0)
    for number in range(40):
        kind = number % 2
        size = (8, 6) if number % 3 else (12, 9)
        pixels = random.integers(0, 60, size) + 180 * kind
        path = tmp_path / "mixed" / ("dark", "light")[kind] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path / "mixed"


def test_a_run_on_images_of_several_sizes_takes_new_ones_of_any(qimlp, pictures, tmp_path):
    quick = ("--model", "mlp", "--epochs", 2, "--batch-size", 8, "--device", "cpu")
    refused = qimlp("train", pictures, *quick, "--out", tmp_path / "runs")
    assert "bring all images to one size (--resize)" in refused.err
    done = qimlp("train", pictures, *quick, "--resize", "common", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    assert "14 images with another size, brought to 8 x 6" in done.out
    run = tmp_path / "runs" / "mixed-mlp" / "seed-0"
    prepared = json.loads((run / "preprocess.json").read_text())
    assert (prepared["feature_shape"], prepared["features"]["resize"]) == ([8, 6], True)
    Image.new("L", (30, 40), 200).save(tmp_path / "new.png")
    done = qimlp("predict", run, tmp_path / "new.png", "--out", tmp_path / "p.csv")
    assert done.code == 0, done.err
    assert "1 image with another size, brought to 8 x 6" in done.out
    assert (tmp_path / "p.csv").read_text().splitlines()[1].startswith("1,new.png,")
    assert json.loads(qimlp("eval", run, "--json").out)["examples"] == 8


@pytest.mark.parametrize("value", ["28", "0x3", "ax3", "28x28x3", "9000x2"])
def test_sizes_that_are_none(qimlp, pictures, value):
    done = qimlp("train", pictures, "--resize", value)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "resize" in done.err
