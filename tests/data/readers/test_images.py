import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qimlp.data import load
from qimlp.data.readers.imagefolder import read_images
from qimlp.data.readers.images import decode_image


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(value: int, height: int = 2, width: int = 3) -> np.ndarray:
    return np.full((height, width), value, np.uint8)


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "pets"
    for number in range(6):
        save(root / "train" / "dog" / f"{number}.png", grey(100 + number))
        save(root / "train" / "cat" / f"{number}.PNG", grey(number))
    save(root / "test" / "dog" / "0.png", grey(200))
    (root / "train" / "cat" / "notes.txt").write_text("not an image")
    return root


def test_folder_with_train_and_test(folder):
    data = load(str(folder))
    assert (data.name, data.class_names, data.feature_shape) == ("pets", ("cat", "dog"), (2, 3))
    assert data.train.inputs[:, 0].tolist() == [*range(6), *range(100, 106)]
    assert data.train.labels.tolist() == [0] * 6 + [1] * 6
    assert data.test.labels.tolist() == [1]


def test_folder_of_classes_alone(folder):
    data = load(str(folder / "train"))
    assert (len(data.train), len(data.test)) == (10, 2)
    assert "set aside" in data.test_origin


def test_colour_is_channel_first(tmp_path):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    save(tmp_path / "a" / "0.png", pixels)
    raw = read_images([str(tmp_path / "a" / "0.png")], tmp_path)
    assert raw.feature_shape == (3, 2, 4)
    assert raw.inputs.numpy().tobytes() == pixels.transpose(2, 0, 1).tobytes()


def test_images_of_two_sizes(folder):
    save(folder / "train" / "cat" / "9.png", grey(1, 3, 3))
    with pytest.raises(ValueError, match=r"9\.png: expected an image of shape \(2, 3\), as "):
        load(str(folder))


def test_the_image_that_the_others_differ_from_is_named(folder):
    save(folder / "train" / "cat" / "0.PNG", np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(ValueError, match=r"1\.PNG: .* \(3, 2, 3\), as .*0\.PNG has, got \(2, 3\)"):
        load(str(folder))


def test_truncated_image(folder):
    file = folder / "train" / "dog" / "3.png"
    file.write_bytes(file.read_bytes()[:45])
    with pytest.raises(ValueError, match=r"3\.png: cannot be read as an image"):
        load(str(folder))


def test_what_is_no_image(folder):
    (folder / "train" / "dog" / "3.png").write_text("not an image")
    with pytest.raises(ValueError, match=r"3\.png: .*: no known image format$"):
        load(str(folder))


def test_images_without_classes(folder):
    save(folder.parent / "loose" / "0.png", grey(0))
    with pytest.raises(ValueError, match="one folder of images per class"):
        load(str(folder.parent / "loose"))


def test_unknown_class_in_test(folder):
    save(folder / "test" / "cow" / "0.png", grey(0))
    with pytest.raises(ValueError, match="none of the 2 classes"):
        load(str(folder))


@pytest.mark.parametrize(("mode", "shape"), [("1", (2, 3)), ("L", (2, 3)), ("P", (3, 2, 3))])
def test_modes_that_convert_without_loss(mode, shape):
    buffer = io.BytesIO()
    Image.fromarray(grey(255)).convert(mode).save(buffer, format="PNG")
    decoded = decode_image(buffer.getvalue(), "here")
    assert decoded.shape == shape
    assert decoded.min() == 255


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16"])
def test_modes_that_are_refused(mode):
    buffer = io.BytesIO()
    Image.new(mode, (3, 2)).save(buffer, format="PNG")
    with pytest.raises(ValueError, match=f"here: expected an 8-bit grey or RGB image, .* {mode}"):
        decode_image(buffer.getvalue(), "here")
