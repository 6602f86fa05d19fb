from pathlib import Path

import numpy as np
import pytest

from qimlp.data import load
from qimlp.data.readers.npz import read_npz

Y = np.arange(20) % 2


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "arrays.npz"


def test_x_and_y(path):
    np.savez(path, x=np.arange(40.0).reshape(20, 2), y=Y)
    data = load(str(path))
    assert (data.feature_shape, len(data.train), len(data.test)) == ((2,), 16, 4)
    assert "set aside" in data.test_origin


def test_four_arrays(path):
    pixels = np.arange(120, dtype=np.uint8).reshape(20, 2, 3)
    np.savez_compressed(
        path, x_train=pixels, y_train=Y[:, None], x_test=pixels[:5], y_test=Y[:5].astype("U1")
    )
    data = load(str(path))
    assert data.feature_shape == (2, 3)
    assert data.train.inputs.numpy().tobytes() == pixels.tobytes()
    assert data.test.labels.tolist() == [0, 1, 0, 1, 0]
    assert data.test_origin == "the source's own test split"


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((20, 4, 6, 3), (3, 4, 6)),
        ((20, 3, 4, 6), (3, 4, 6)),
        ((20, 4, 6, 1), (4, 6)),
        ((20, 1, 4, 6), (4, 6)),
        ((20, 3, 4, 3), (3, 4, 3)),
        ((20, 4, 6), (4, 6)),
    ],
)
def test_images_become_channel_first(path, shape, wanted):
    images = np.random.default_rng(0).random(shape)
    np.savez(path, x=images, y=Y)
    raw = read_npz(path, "train")
    assert raw.feature_shape == wanted
    if shape == (20, 4, 6, 3):
        expected = images.transpose(0, 3, 1, 2).reshape(20, 72).astype(np.float32)
        np.testing.assert_array_equal(raw.inputs.numpy(), expected)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": Y}, "expected arrays x and y, or .* got 'a'"),
        ({"x": np.zeros((20, 2))}, "has no array 'y'"),
        ({"x": np.zeros((20, 2)), "y": Y[:5]}, r"\(20, 2\) and y of shape \(5,\)"),
        ({"x": np.zeros(20), "y": Y}, "2 to 4 dimensions"),
        ({"x": np.full((20, 2), np.nan), "y": Y}, "row 1, feature 0 .* NaN"),
        ({"x": np.full((20, 2), 1e300), "y": Y}, "row 1, feature 0"),
        ({"x": np.zeros((20, 2), complex), "y": Y}, "expected numbers, got dtype complex128"),
        ({"x": np.zeros((20, 2), "U1"), "y": Y}, "expected numbers"),
        ({"x": np.zeros((20, 1, 1, 1, 1)), "y": Y}, "2 to 4 dimensions"),
        ({"x": np.zeros((0, 2)), "y": Y[:0]}, "at least one example"),
        ({"x": np.array([{}] * 20), "y": Y}, "without Python objects"),
        (
            {
                "x_train": np.zeros((20, 2)),
                "y_train": Y,
                "x_test": np.zeros((5, 3)),
                "y_test": Y[:5],
            },
            "expected 2 features per example",
        ),
        (
            {
                "x_train": np.zeros((20, 2), np.uint8),
                "y_train": Y,
                "x_test": np.zeros((5, 2)),
                "y_test": Y[:5],
            },
            "one dtype",
        ),
    ],
)
def test_refused_content(path, arrays, message):
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        load(str(path))
    assert "arrays" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 1, 20, 300, -1, -30])
def test_truncated_archive(path, keep):
    np.savez(path, x=np.zeros((20, 2)), y=Y)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"arrays\.npz: cannot be read as a NumPy \.npz archive"):
        load(str(path))


def test_damaged_archive(path):
    np.savez(path, x=np.arange(40.0).reshape(20, 2), y=Y)
    content = bytearray(path.read_bytes())
    content[200:220] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a NumPy"):
        load(str(path))


def test_something_else_under_that_name(path):
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").rename(path)
    with pytest.raises(ValueError, match=r"expected arrays x and y, or .* got none"):
        load(str(path))
