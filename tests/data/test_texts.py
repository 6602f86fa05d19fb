import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qimlp.data.texts import load_text_inputs, load_texts
from qimlp.tasks import Classification


def write(path: Path, texts: list[str | None], labels: list[int], names: list[str]) -> None:
    table = pa.table({"text": pa.array(texts, pa.string()), "label": labels})
    features = {"label": {"_type": "ClassLabel", "names": names}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), path)


@pytest.fixture
def folder(tmp_path) -> Path:
    write(tmp_path / "train-00000-of-00001.parquet", ["a b", "c", "ä"], [0, 1, 0], ["no", "yes"])
    write(tmp_path / "test-00000-of-00001.parquet", ["d", "e"], [1, 0], ["no", "yes"])
    return tmp_path


def test_texts_come_with_their_classes(folder):
    data = load_texts(str(folder))
    assert data.class_names == ("no", "yes")
    assert data.train.texts == ("a b", "c", "ä")
    assert data.train.labels.tolist() == [0, 1, 0]
    assert data.test.labels.tolist() == [1, 0]


def test_the_fingerprint_follows_the_content(folder):
    before = load_texts(str(folder)).fingerprint
    assert load_texts(str(folder)).fingerprint == before
    write(folder / "test-00000-of-00001.parquet", ["d", "f"], [1, 0], ["no", "yes"])
    assert load_texts(str(folder)).fingerprint != before


def test_new_texts_are_the_test_part_or_a_file(folder):
    assert load_text_inputs(str(folder)).texts == ("d", "e")
    found = load_text_inputs(str(folder), task=Classification(("yes", "no")), labels_required=True)
    assert found.labels.tolist() == [0, 1]
    lines = folder / "lines.txt"
    lines.write_text("one\ntwo\n", encoding="utf-8")
    assert load_text_inputs(str(lines)).texts == ("one", "two")
    with pytest.raises(ValueError, match="holds no labels"):
        load_text_inputs(str(lines), labels_required=True)
    lines.write_bytes("good\u2028film\x0cx\r\n\nbad".encode())
    assert load_text_inputs(str(lines)).texts == ("good\u2028film\x0cx", "", "bad")
    lines.write_bytes(b"")
    with pytest.raises(ValueError, match="one text per line, got an empty file"):
        load_text_inputs(str(lines))
    lines.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="expected text in UTF-8"):
        load_text_inputs(str(lines))


def test_either_part_of_texts_can_be_read_as_new(folder):
    train = load_text_inputs(str(folder), part="train")
    assert (train.texts, train.part) == (("a b", "c", "ä"), None)
    (folder / "train-00000-of-00001.parquet").unlink()
    test = load_text_inputs(str(folder), part="train")
    assert (test.texts, test.part) == (("d", "e"), "test")


def test_what_is_no_data_set_of_texts_is_refused(folder, tmp_path, monkeypatch):
    with pytest.raises(
        ValueError, match=r"texts are read from tables \(Parquet, CSV\), got digits"
    ):
        load_texts("digits")
    write(folder / "train-00000-of-00001.parquet", ["a", None], [0, 1], ["no", "yes"])
    with pytest.raises(ValueError, match="row 2 of column 'text' is not a text"):
        load_texts(str(folder))
    (folder / "train-00000-of-00001.parquet").unlink()
    with pytest.raises(ValueError, match="expected a train split, got only a test split"):
        load_texts(str(folder))
    pq.write_table(pa.table({"words": [1], "label": [0]}), folder / "train.parquet")
    with pytest.raises(ValueError, match="expected a column 'text' of texts, got 'words'"):
        load_texts(str(folder))


CSV = "review;stars;kind\n" + "".join(
    f'"a film; number {n} of many";{n % 5};{("bad", "good")[n % 2]}\n' for n in range(40)
)


def test_texts_of_one_csv_file_have_a_part_set_aside(tmp_path):
    path = tmp_path / "films.csv"
    path.write_bytes(CSV.encode("utf-16"))
    data = load_texts(str(path), split_seed=2)
    assert data.class_names == ("bad", "good")
    assert (len(data.train.texts), len(data.test.texts)) == (32, 8)
    assert data.test_origin == "20 % of the texts of each class, set aside by seed 2"
    assert (data.text_column, data.label_column) == ("review", "kind")
    assert data.notes == (
        f"{path}, split train: the texts are those of column 'review'; left out 'stars'",
        f"{path}, split train: the labels are those of column 'kind'",
    )
    for part in (data.train, data.test):
        numbers = [int(text.split()[3]) for text in part.texts]
        assert all(text.startswith("a film; number ") for text in part.texts)
        assert part.labels.tolist() == [number % 2 for number in numbers]
    assert load_texts(str(path), split_seed=2).fingerprint == data.fingerprint
    assert load_texts(str(path), split_seed=3).fingerprint != data.fingerprint


def test_texts_of_one_parquet_file_have_a_part_set_aside(tmp_path):
    path = tmp_path / "films.parquet"
    write(path, [f"text {n}" for n in range(20)], [n % 2 for n in range(20)], ["no", "yes"])
    data = load_texts(str(path))
    assert (len(data.train.texts), len(data.test.texts), data.notes) == (16, 4, ())
    assert data.class_names == ("no", "yes")


def test_train_and_test_files_of_texts(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\none,0\ntwo,1\n")
    (tmp_path / "test.csv").write_text("label,text\n1,three\n")
    data = load_texts(str(tmp_path))
    assert (data.test.texts, data.test.labels.tolist()) == (("three",), [1])
    assert data.test_origin == "the source's own test split"


def test_new_texts_of_a_csv_file(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("id,review\n1,short\n2,a longer one\n")
    for column in ("review", None):
        assert load_text_inputs(str(path), text_column=column).texts == ("short", "a longer one")
    with pytest.raises(ValueError, match="expected a column 'words' of texts"):
        load_text_inputs(str(path), text_column="words")
    with pytest.raises(ValueError, match="has no label column 'kind'"):
        load_text_inputs(str(path), label_column="kind", labels_required=True)


@pytest.mark.needs_data
@pytest.mark.parametrize("real_data", ["20newsgroups"], indirect=True)
def test_20_newsgroups(real_data):
    data = load_texts("20newsgroups", data_dir=real_data.parent)
    assert (len(data.train.texts), len(data.test.texts), data.task.num_outputs) == (
        11_314,
        7_532,
        20,
    )
    assert data.class_names[0] == "alt.atheism"


def test_columns_beside_the_texts_are_left_out_and_said(folder):
    assert load_texts(str(folder)).notes == ()
    for part in ("train", "test"):
        file = folder / f"{part}-00000-of-00001.parquet"
        table = pq.read_table(file)
        pq.write_table(table.append_column("title", pa.array(["t"] * len(table))), file)
    (note,) = load_texts(str(folder)).notes
    assert note.endswith("train: the texts are those of column 'text'; left out 'title'")
    (note,) = load_text_inputs(str(folder)).notes
    assert note.endswith("left out 'title'")


def test_bytes_that_are_no_text(folder):
    offsets = pa.array([0, 2], pa.int32()).buffers()[1]
    wrong = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(b"\xff\xfe"))
    table = pa.table({"text": wrong, "label": [0]})
    pq.write_table(table, folder / "train-00000-of-00001.parquet")
    with pytest.raises(ValueError, match=r"train: column 'text' holds bytes that are no text"):
        load_texts(str(folder))
