"""Images of several sizes, brought to one."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from qimlp.data import load, load_inputs
from qimlp.data.readers.images import decode_image, image_size

SIZES = [(4, 6), (8, 12), (4, 6), (5, 5)]
"""Heights and widths, the first the most common."""


def encoded(pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", **options)
    return buffer.getvalue()


def grey(number):
    height, width = SIZES[number % 4]
    return np.full((height, width), 10 * number, np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        path = tmp_path / "pets" / ("cat", "dog")[number // 6] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(grey(number)))
    return tmp_path / "pets"


@pytest.fixture
def parquet(tmp_path):
    images = [{"bytes": encoded(grey(number)), "path": None} for number in range(12)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, kind), "label": [n // 6 for n in range(12)]})
    metadata = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "pets.parquet")
    return tmp_path / "pets.parquet"


@pytest.mark.parametrize("kind", ["folder", "parquet"])
@pytest.mark.parametrize(("resize", "size"), [("common", (4, 6)), ((3, 2), (3, 2))])
def test_images_are_brought_to_one_size_and_it_is_said(request, kind, resize, size):
    source = request.getfixturevalue(kind)
    data = load(str(source), resize=resize)
    assert data.feature_shape == size
    values = [*data.train.inputs[:, 0].tolist(), *data.test.inputs[:, 0].tolist()]
    assert sorted(values) == [10 * number for number in range(12)]
    changed = 6 if resize == "common" else 12
    note = f"{changed} images with another size, brought to {size[0]} x {size[1]}"
    assert data.notes[-1].endswith(note)
    found = load_inputs(source, data.feature_shape, resize=True)
    assert found.inputs.shape == (12, size[0] * size[1])
    with pytest.raises(ValueError, match=r"bring all images to one size \(--resize\)"):
        load(str(source))


def test_a_picture_keeps_what_it_shows():
    ramp = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (10, 1))
    small = decode_image(encoded(ramp), "a.png", size=(5, 10))
    np.testing.assert_allclose(small, np.tile(np.arange(5, 200, 20), (5, 1)), atol=2)
    colour = np.stack([ramp, ramp[:, ::-1], np.full_like(ramp, 7)], axis=-1)
    found = decode_image(encoded(colour), "a.png", size=(5, 10))
    np.testing.assert_array_equal(found[0], small)
    np.testing.assert_array_equal(found[1], small[:, ::-1])
    assert (found[2] == 7).all()


def test_the_size_is_that_of_the_picture_as_viewers_show_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    assert image_size(encoded(np.zeros((4, 6), np.uint8), exif=exif), "a.png") == (6, 4)


def test_data_without_images(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1.0, 2.0], "label": [0, 1]}), path)
    (tmp_path / "t.csv").write_text("a,label\n1,0\n2,1\n")
    for resize in ("common", (2, 2)):
        with pytest.raises(ValueError, match="resize: expected a column of images, got none"):
            load(str(path), resize=resize)
        for source in (str(tmp_path / "t.csv"), "digits"):
            with pytest.raises(ValueError, match="resize: expected images in files or Parquet"):
                load(source, resize=resize)


def test_streams_are_not_resized(parquet):
    with pytest.raises(ValueError, match="images are resized in memory only"):
        load(str(parquet), resize=(2, 2), streaming=True)
