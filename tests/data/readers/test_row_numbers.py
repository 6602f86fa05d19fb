"""Columns that are no features, in tables as pandas writes them."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qimlp.data import load, load_inputs

ROWS = 60


@pytest.fixture
def noise() -> pd.DataFrame:
    """Noise sorted by class: only the number of a row tells its class."""
    noise = np.random.default_rng(0).normal(size=(ROWS, 2))
    return pd.DataFrame({"a": noise[:, 0], "b": noise[:, 1], "label": np.arange(ROWS) * 3 // ROWS})


def features(path, **options) -> tuple[str, ...]:
    data = load(str(path), **options)
    assert data.in_features == len(data.feature_names)
    return data.feature_names


def test_csv_with_the_index_without_a_name(tmp_path, noise):
    noise.to_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().startswith(b",a,b,label\n0,")
    data = load(str(tmp_path / "t.csv"))
    assert data.feature_names == ("a", "b")
    assert len(data.notes) == 1
    assert "t.csv: left out '': a column without a name is a row number" in data.notes[0]


def test_csv_written_read_and_written_again(tmp_path, noise):
    noise.to_csv(tmp_path / "t.csv")
    pd.read_csv(tmp_path / "t.csv").sample(frac=1, random_state=0).to_csv(tmp_path / "t.csv")
    data = load(str(tmp_path / "t.csv"))
    assert data.feature_names == ("a", "b")
    assert "left out '', 'Unnamed: 0'" in data.notes[0]


def test_csv_with_an_index_of_names_and_a_comma_at_the_end(tmp_path):
    (tmp_path / "t.csv").write_text(
        ",a,label,Unnamed: 32\n" + "".join(f"row {n},{n * n},{n % 2},\n" for n in range(20))
    )
    assert features(tmp_path / "t.csv") == ("a",)


@pytest.mark.parametrize("begin", [0, 1, 7000])
@pytest.mark.parametrize("step", [1, -1, 5])
def test_csv_column_that_counts(tmp_path, noise, begin, step):
    noise.insert(1, "id", begin + step * np.arange(ROWS))
    noise.to_csv(tmp_path / "t.csv", index=False)
    data = load(str(tmp_path / "t.csv"))
    assert data.feature_names == ("a", "b")
    first = f"{begin}, {begin + step}, {begin + 2 * step}, ..."
    assert f"left out 'id', which counts rows ({first})" in data.notes[0]
    np.testing.assert_array_equal(
        np.sort(np.concatenate([data.train.inputs, data.test.inputs])[:, 0]),
        np.sort(noise["a"].astype(np.float32)),
    )


def test_shuffled_row_numbers_are_kept_and_said(tmp_path, noise):
    noise["id"] = np.random.default_rng(0).permutation(ROWS) + 1
    noise.to_csv(tmp_path / "t.csv", index=False)
    data = load(str(tmp_path / "t.csv"))
    assert data.feature_names == ("a", "b", "id")
    (note,) = data.notes
    assert "'id' holds each of as many whole numbers once, as shuffled row numbers do" in note
    assert "is kept: if it is one, leave it out with --drop-column 'id'" in note
    data = load(str(tmp_path / "t.csv"), drop_columns=["id"])
    assert (data.feature_names, data.notes) == (("a", "b"), ())


def test_shuffled_row_numbers_beside_others_are_said_as_well(tmp_path, noise):
    noise["id"], noise["number"] = np.random.default_rng(0).permutation(ROWS), np.arange(ROWS)
    noise.to_csv(tmp_path / "t.csv", index=False)
    data = load(str(tmp_path / "t.csv"))
    assert data.feature_names == ("a", "b", "id")
    assert [note.split(": ")[1].split(",")[0] for note in data.notes] == [
        "left out 'number'",
        "'id' holds each of as many whole numbers once",
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_row_numbers_with_gaps_are_kept_and_said(tmp_path, noise, kind):
    kept = noise[noise["a"] > -0.5].reset_index()
    if kind == "csv":
        kept.to_csv(tmp_path / "t.csv", index=False)
    else:
        kept.to_parquet(tmp_path / "t.parquet")
    data = load(str(tmp_path / f"t.{kind}"))
    assert data.feature_names == ("index", "a", "b")
    (note,) = data.notes
    assert "'index' rises from row to row, as a row number with gaps does, and is kept" in note
    data = load(str(tmp_path / f"t.{kind}"), drop_columns=["index"])
    assert (data.feature_names, data.notes) == (("a", "b"), ())


def test_the_only_feature_is_kept_and_said(tmp_path, noise):
    noise["id"] = np.arange(ROWS)
    noise[["id", "label"]].to_csv(tmp_path / "t.csv", index=False)
    data = load(str(tmp_path / "t.csv"))
    assert data.feature_names == ("id",)
    assert "'id' counts rows (0, 1, 2, ...) and is kept" in data.notes[0]


def test_only_row_numbers_without_a_name_are_refused(tmp_path, noise):
    noise[["label"]].to_csv(tmp_path / "t.csv")
    with pytest.raises(ValueError, match="has no feature column beside the label column 'label'"):
        load(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("streaming", [False, True])
def test_parquet_with_an_index_without_a_name(tmp_path, noise, streaming):
    noise.sample(frac=1, random_state=0).to_parquet(tmp_path / "t.parquet")
    assert "__index_level_0__" in pq.read_schema(tmp_path / "t.parquet").names
    data = load(str(tmp_path / "t.parquet"), streaming=streaming)
    assert data.feature_names == ("a", "b")
    assert "left out '__index_level_0__': the file calls it an index of its rows" in data.notes[0]


@pytest.mark.parametrize("streaming", [False, True])
def test_parquet_with_a_named_index_of_texts(tmp_path, noise, streaming):
    noise.index = pd.Index([f"row {n}" for n in range(ROWS)], name="key")
    noise.to_parquet(tmp_path / "t.parquet")
    assert features(tmp_path / "t.parquet", streaming=streaming) == ("a", "b")


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("dtype", ["int64", "int32", "float64", "float32", "datetime64[ns]"])
def test_parquet_with_a_column_that_counts(tmp_path, noise, streaming, dtype):
    noise.reset_index().astype({"index": dtype}).to_parquet(tmp_path / "t.parquet")
    data = load(str(tmp_path / "t.parquet"), streaming=streaming)
    assert data.feature_names == ("a", "b")
    assert "left out 'index', which counts rows (0, 1, 2, ...)" in data.notes[0]


def test_parquet_whose_range_index_is_in_the_metadata_alone(tmp_path, noise):
    noise.to_parquet(tmp_path / "t.parquet")
    data = load(str(tmp_path / "t.parquet"))
    assert (data.feature_names, data.notes) == (("a", "b"), ())


def test_index_without_metadata(tmp_path):
    table = {"a": np.arange(20.0) ** 2, "__index_level_0__": np.arange(20) % 7, "label": Y}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    assert features(tmp_path / "t.parquet") == ("a",)


Y = np.arange(20) % 2


@pytest.mark.parametrize(
    "metadata",
    [b"[" * 100_000, b"{" * 10, b"\xff", b"[]", b"1"],
    ids=["deep", "open", "bytes", "list", "number"],
)
@pytest.mark.parametrize("key", ["pandas", "huggingface"])
def test_damaged_metadata(tmp_path, key, metadata):
    table = pa.table({"a": np.arange(20.0) ** 2, "label": Y})
    pq.write_table(table.replace_schema_metadata({key: metadata}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=rf"t\.parquet: its '{key}' metadata cannot be read"):
        load(str(tmp_path / "t.parquet"))


@pytest.mark.parametrize("names", ["ab", [1, 2], {"a": "b"}])
def test_class_names_that_are_no_names(tmp_path, names):
    info = {"info": {"features": {"label": {"names": names}}}}
    table = pa.table({"a": np.arange(20.0) ** 2, "label": Y})
    table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="'huggingface' metadata cannot be read"):
        load(str(tmp_path / "t.parquet"))


def test_what_beside_images_is_left_out_is_said(image_folder_of_parquet):
    for file in image_folder_of_parquet.glob("*.parquet"):
        table = pq.read_table(file)
        table = table.append_column("name", pa.array(["x"] * table.num_rows))
        pq.write_table(table, file)
    (note,) = load(str(image_folder_of_parquet)).notes
    assert "left out 'name': the column 'image' holds the images" in note


@pytest.mark.parametrize("kind", ["csv", "parquet", "stream"])
def test_dropped_columns(tmp_path, noise, kind):
    noise["name"] = "x"
    noise["c"] = noise["a"] ** 2
    path = tmp_path / f"t.{'csv' if kind == 'csv' else 'parquet'}"
    if kind == "csv":
        noise.to_csv(path, index=False)
    else:
        noise.to_parquet(path, index=False)
    options = {"streaming": kind == "stream", "drop_columns": ["name", "b"]}
    assert features(path, **options) == ("a", "c")
    for columns, message in (
        (["nme"], "has no column 'nme' to drop; its columns are 'a', 'b'"),
        (["label"], "the label column 'label' cannot be dropped"),
        (["a", "b", "c", "name"], "has no feature column"),
    ):
        with pytest.raises(ValueError, match=message):
            load(str(path), streaming=kind == "stream", drop_columns=columns)


def test_columns_of_what_has_none_cannot_be_dropped(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.zeros((20, 2)), y=Y)
    for source in (str(tmp_path / "t.npz"), "digits"):
        with pytest.raises(ValueError, match="expected a table to drop 'a' from"):
            load(source, drop_columns=["a"])


def test_array_with_a_feature_that_counts_says_so(tmp_path):
    x = np.random.default_rng(0).normal(size=(20, 3))
    x[:, 1] = np.arange(20)
    np.savez(tmp_path / "t.npz", x=x, y=Y)
    data = load(str(tmp_path / "t.npz"))
    assert data.in_features == 3
    assert "feature 1 (of 3, from 0) counts rows (0, 1, 2, ...) and is kept" in data.notes[0]


@pytest.mark.parametrize("streaming", [False, True])
def test_test_file_with_further_columns_in_another_order(tmp_path, noise, streaming):
    noise.assign(id=range(ROWS)).to_parquet(tmp_path / "train.parquet")
    test = noise.assign(id=range(ROWS), note="x")[["note", "b", "label", "id", "a"]].iloc[::-1]
    test.to_parquet(tmp_path / "test.parquet")
    data = load(str(tmp_path), streaming=streaming)
    assert data.feature_names == ("a", "b")
    if not streaming:
        wanted = test[["a", "b"]].to_numpy(np.float32)
        np.testing.assert_array_equal(data.test.inputs.numpy(), wanted)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_data_to_predict_with_further_columns(tmp_path, noise, kind):
    given = noise.assign(note="x", day="2024-01-01")[["note", "b", "label", "day", "a"]]
    given = given.sample(frac=1, random_state=0)
    path = tmp_path / f"t.{kind}"
    if kind == "csv":
        given.to_csv(path)
    else:
        given.to_parquet(path)
    found = load_inputs(path, (2,), feature_names=("a", "b"))
    np.testing.assert_array_equal(found.inputs.numpy(), given[["a", "b"]].to_numpy(np.float32))
    (note,) = found.notes
    left = "'', 'note', 'day'" if kind == "csv" else "'note', 'day', '__index_level_0__'"
    assert f"left out {left}, not among the columns of training" in note
    with pytest.raises(ValueError, match=r"missing 'c', 'd'; not expected"):
        load_inputs(path, (4,), feature_names=("a", "b", "c", "d"))


def test_a_run_on_row_numbers_from_before_still_predicts(tmp_path, noise):
    noise.to_csv(tmp_path / "t.csv")
    found = load_inputs(tmp_path / "t.csv", (3,), feature_names=("", "a", "b"))
    assert found.inputs[:, 0].tolist() == list(range(ROWS))
    assert found.notes == ()
