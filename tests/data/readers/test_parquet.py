import io
import json
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from qimlp.data import load
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.labels import class_names_of
from qimlp.data.readers.parquet import read_parquet


def write(path: Path, **columns) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_images_in_the_schema_of_the_hub(image_folder_of_parquet, pixels):
    data = load(str(image_folder_of_parquet))
    assert data.name == "shapes"
    assert data.class_names == ("a", "b", "c")
    assert data.feature_shape == (4, 5)
    assert data.test_origin == "the source's own test split"
    np.testing.assert_array_equal(data.train.inputs.numpy(), pixels[:30].reshape(30, 20))
    np.testing.assert_array_equal(data.test.inputs.numpy(), pixels[30:].reshape(10, 20))
    assert data.train.labels.tolist() == [row % 3 for row in range(30)]


def test_table_of_numbers(tmp_path):
    file = write(
        tmp_path / "t.parquet",
        a=pa.array([1, 2, 3], pa.int8()),
        label=pa.array(["x", "y", "x"]).dictionary_encode(),
        b=pa.array([0.5, 1.5, 2.5]),
        c=[True, False, True],
    )
    raw = read_parquet([file])
    assert raw.feature_names == ("a", "b", "c")
    assert raw.inputs.tolist() == [[1.0, 0.5, 1.0], [2.0, 1.5, 0.0], [3.0, 2.5, 1.0]]
    assert raw.labels.tolist() == ["x", "y", "x"]


def test_rows_are_gathered_over_batches_and_files(tmp_path, monkeypatch):
    monkeypatch.setattr("qimlp.data.readers.parquet.BATCH_ROWS", 4)
    files = [
        write(tmp_path / f"{part}.parquet", x=np.arange(7.0) + 10 * part, label=np.arange(7) % 2)
        for part in (0, 1)
    ]
    raw = read_parquet(files)
    assert raw.inputs[:, 0].tolist() == [*range(7), *range(10, 17)]
    assert raw.labels.tolist() == [row % 2 for row in range(7)] * 2


def test_addresses_are_opened_through_fsspec():
    address = "memory://qimlp-test/t.parquet"
    with fsspec.open(address, "wb") as file:
        pq.write_table(pa.table({"x": [1.0, 2.0], "label": [0, 1]}), file)
    assert read_parquet([address]).inputs.tolist() == [[1.0], [2.0]]


def test_unlabelled_data_where_allowed(tmp_path):
    file = write(tmp_path / "t.parquet", x=[1.0, 2.0])
    assert read_parquet([file], TableRequest(labels_required=False)).labels is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1.0], "klass": [0]}, "no label column 'label'; its columns are 'x', 'klass'"),
        ({"x": [1.0, None], "label": [0, 1]}, "row 2, column 'x' is empty, NaN"),
        ({"x": [True, None], "label": [0, 1]}, "row 2, column 'x' is empty, NaN"),
        ({"x": [1.0, float("inf")], "label": [0, 1]}, "row 2, column 'x'"),
        ({"x": [1.0, 1e300], "label": [0, 1]}, "row 2, column 'x'"),
        (
            {"text": ["a"], "label": [0]},
            "column 'text' holds text: expected numbers or images; for texts",
        ),
        ({"x": [[[1.0]]], "label": [0]}, "column 'x' has type list<element: list<.*--drop-column"),
        ({"x": [[1.0], [2.0, 3.0]], "label": [0, 1]}, "row 2, column 'x': expected a list of 1 n"),
        ({"x": [[1.0], None], "label": [0, 1]}, "row 2, column 'x': expected a list of 1 number"),
        ({"x": [[1.0], [None]], "label": [0, 1]}, r"row 2, column 'x\[0\]' is empty, NaN"),
        ({"x": pa.array([[]], pa.list_(pa.float32())), "label": [0]}, "at least one number"),
        ({"x": [[1.0]], "x[0]": [2.0], "label": [0]}, "named like places"),
        ({"label": [0, 1]}, "no feature column"),
        ({"x": [1.0, 2.0], "label": [0, -0.5]}, "row 2: label -0.5"),
        ({"x": [1.0, 2.0], "label": [0, None]}, "row 2 has no label"),
        ({"x": [1.0, 2.0], "label": [0.0, 0.5]}, "label 0.5 is not a class"),
        ({"x": pa.array([], pa.float32()), "label": pa.array([], pa.int64())}, "at least one row"),
        ({"image": [b"no image"], "label": [0]}, "row 1: cannot be read as an image"),
        ({"image": [b"", None], "label": [0, 1]}, "row 1: cannot be read as an image"),
        ({"image": pa.array([None], pa.binary()), "label": [0]}, "row 1 holds no image bytes"),
        ({"a": [b""], "b": [b""], "label": [0]}, "one image column, got 'a', 'b'"),
    ],
)
def test_refused_content(tmp_path, columns, message):
    file = write(tmp_path / "bad.parquet", **columns)
    with pytest.raises(ValueError, match=message) as caught:
        class_names_of(read_parquet([file]))
    assert "bad.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_label_out_of_range_of_the_declared_classes(tmp_path):
    declared = {"label": {"_type": "ClassLabel", "names": ["a", "b"]}}
    metadata = {"huggingface": json.dumps({"info": {"features": declared}})}
    table = pa.table({"x": [1.0, 2.0, 3.0], "label": [0, 1, 2]}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="row 3: label 2 is out of range"):
        load(str(tmp_path / "t.parquet"))


@pytest.mark.parametrize("keep", [0, 3, 200, -1])
def test_truncated_file(image_folder_of_parquet, keep):
    file = image_folder_of_parquet / "train-00001-of-00002.parquet"
    content = file.read_bytes()
    file.write_bytes(content[:keep])
    with pytest.raises(ValueError, match=r"train-00001.*cannot be read as a Parquet file"):
        load(str(image_folder_of_parquet))


def test_damaged_pages(image_folder_of_parquet):
    file = image_folder_of_parquet / "train-00000-of-00002.parquet"
    content = bytearray(file.read_bytes())
    content[4:400] = b"\xff" * 396
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"train-00000.*cannot be read as"):
        load(str(image_folder_of_parquet))


def test_missing_piece(image_folder_of_parquet):
    (image_folder_of_parquet / "train-00000-of-00002.parquet").unlink()
    with pytest.raises(ValueError, match="expected 2 train files, as their names say, got 1"):
        load(str(image_folder_of_parquet))


def test_pieces_with_different_columns(tmp_path):
    files = [
        write(tmp_path / "a.parquet", x=[1.0], label=[0]),
        write(tmp_path / "b.parquet", y=[1.0], label=[0]),
    ]
    with pytest.raises(ValueError, match=r"b.parquet: its columns 'y', 'label' or"):
        read_parquet(files)


def test_train_and_test_with_different_columns(tmp_path):
    write(tmp_path / "train.parquet", x=[1.0, 2.0], label=[0, 1])
    write(tmp_path / "test.parquet", y=[1.0], label=[0])
    with pytest.raises(ValueError, match=r"test.parquet: .*missing 'x'; not expected 'y'"):
        load(str(tmp_path))


def test_images_of_a_table_are_shown_as_viewers_do(tmp_path):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels = np.array([[[1, 255], [2, 255]], [[3, 255], [4, 0]]], np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG", exif=exif)
    raw = read_parquet([write(tmp_path / "t.parquet", image=[buffer.getvalue()], label=[0])])
    assert raw.inputs.tolist() == [[255, 3, 2, 1]]
    (note,) = raw.notes
    assert note.endswith("t.parquet: 1 image with transparent pixels laid on white")
