"""Tables as data sets: their target, their task, their parts."""

import numpy as np
import pandas as pd
import pytest
import torch

from qimlp.data import load, load_table

ROWS = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=ROWS).round(6)
CITIES = np.array(["Rom", "Köln", "Oslo"])[RNG.integers(3, size=ROWS)]
CLASSES = np.array(["no", "yes"])[(NUMBERS > 0).astype(int)]


def frame_of(**columns):
    return pd.DataFrame({"n": NUMBERS, "city": CITIES, **columns})


def write(tmp_path, frame, name="t.csv"):
    frame.to_csv(tmp_path / name, index=False)
    return str(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "chosen", "said"),
    [
        ("target", "target", "by its name"),
        ("Label", "Label", "by its name"),
        ("class", "class", "by its name"),
        ("Y", "Y", "by its name"),
        ("kind", "last", "the last column"),
    ],
)
def test_the_target_is_guessed_and_said(tmp_path, name, chosen, said):
    frame = pd.DataFrame({name: CLASSES, **frame_of(last=CLASSES[::-1])})
    data = load_table(write(tmp_path, frame))
    assert data.targets == (chosen,)
    assert data.task.class_names == ("no", "yes")
    (note,) = data.notes
    assert f"the target is {chosen!r}, {said}" in note
    named = load_table(write(tmp_path, frame), target="city")
    assert (named.targets, named.notes) == (("city",), ())
    assert named.task.class_names == ("Köln", "Oslo", "Rom")


def test_parts_tasks_and_labels(tmp_path):
    data = load_table(write(tmp_path, frame_of(label=CLASSES)), split_seed=3)
    assert data.task.kind == "classification"
    assert (data.name, data.test_origin) == (
        "t",
        "20 % of the rows of each class, set aside by seed 3",
    )
    assert len(data.train) + len(data.test) == ROWS
    both = pd.concat([data.train.frame, data.test.frame])
    assert list(both.columns) == ["n", "city"]
    labels = torch.cat([data.labels("train"), data.labels("test")])
    assert labels.tolist() == (both["n"] > 0).astype(int).tolist()
    assert sorted(both["n"]) == sorted(NUMBERS)
    assert dict(zip(both["n"], both["city"], strict=True)) == dict(
        zip(NUMBERS, CITIES, strict=True)
    )


def test_the_same_rows_are_set_aside_as_for_other_networks(tmp_path):
    path = write(tmp_path, pd.DataFrame({"n": NUMBERS, "m": NUMBERS**2, "label": CLASSES}))
    table, plain = load_table(path, split_seed=1), load(path, split_seed=1)
    np.testing.assert_array_equal(table.test.frame["n"].astype(np.float32), plain.test.inputs[:, 0])
    torch.testing.assert_close(table.test.labels, plain.test.labels)
    torch.testing.assert_close(table.train.labels, plain.train.labels)


def test_regression_of_one_target_and_of_several(tmp_path):
    path = write(tmp_path, frame_of(other=NUMBERS**2, y=NUMBERS + 1))
    data = load_table(path)
    assert data.task.kind == "regression"
    assert data.task.target_names == ("y",)
    assert data.test_origin.startswith("20 % of the rows, set aside")
    np.testing.assert_allclose(data.labels("train")[:, 0], data.train.frame["n"] + 1)
    both = load_table(path, target=["y", "other"])
    assert both.task.target_names == ("y", "other")
    np.testing.assert_allclose(both.labels("test")[:, 1], both.test.frame["n"] ** 2)
    assert [column.name for column in both.columns] == ["n", "city"]


def test_a_regression_with_decimal_commas(tmp_path):
    rows = "".join(f"{n % 7};{n},5\n" for n in range(ROWS))
    (tmp_path / "t.csv").write_text("a;preis\n" + rows)
    data = load_table(tmp_path / "t.csv")
    assert data.task.kind == "regression"
    whole = torch.cat([data.labels("train"), data.labels("test")])
    assert sorted(whole[:, 0].tolist()) == [n + 0.5 for n in range(ROWS)]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_without_a_target_are_left_out_and_said(tmp_path, suffix):
    labels = np.where(np.arange(ROWS) % 10 == 4, None, CLASSES)
    frame = frame_of(label=labels)
    path = tmp_path / f"t.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    data = load_table(path)
    assert len(data.train) + len(data.test) == ROWS - 6
    assert (
        "left out 6 rows without a value of the target 'label', the first is row 5"
        in (data.notes[-1])
    )


def test_names_of_classes_stay_as_they_are_written(tmp_path):
    codes = np.array(["07", "1.0", "true"])[np.arange(ROWS) % 3]
    assert load_table(write(tmp_path, frame_of(y=codes))).task.class_names == ("07", "1.0", "true")
    truths = np.array(["true", "false"])[np.arange(ROWS) % 2]
    assert load_table(write(tmp_path, frame_of(y=truths))).task.class_names == ("false", "true")
    numbers = np.array([10, 9])[np.arange(ROWS) % 2]
    assert load_table(write(tmp_path, frame_of(y=numbers))).task.class_names == ("9", "10")


def test_the_source_s_own_test_part(tmp_path):
    frame = frame_of(flag=CLASSES, label=CLASSES)
    write(tmp_path, frame[:40], "train.csv")
    test = frame[40:][["label", "city", "flag", "n"]].assign(more=1)
    write(tmp_path, test, "test.csv")
    for source in (tmp_path, tmp_path / "train.csv"):
        data = load_table(source)
        assert data.test_origin == "the source's own test split"
        assert data.name == tmp_path.name
        np.testing.assert_array_equal(data.train.frame["n"], NUMBERS[:40])
        np.testing.assert_array_equal(data.test.frame["n"], NUMBERS[40:])
        np.testing.assert_array_equal(data.test.frame["flag"], CLASSES[40:] == "yes")
        assert data.test.labels.tolist() == (CLASSES[40:] == "yes").astype(int).tolist()


def test_a_test_file_without_a_target_is_no_test_part(tmp_path):
    write(tmp_path, frame_of(label=CLASSES), "train.csv")
    write(tmp_path, frame_of(), "test.csv")
    data = load_table(tmp_path)
    assert data.test_origin.startswith("20 %")
    assert "test.csv: has no target 'label', so it is no test part" in data.notes[-1]


def test_pieces_of_parquet(tmp_path):
    frame = frame_of(label=CLASSES)
    frame[:30].to_parquet(tmp_path / "train-00000-of-00002.parquet")
    frame[30:45].to_parquet(tmp_path / "train-00001-of-00002.parquet")
    frame[45:].to_parquet(tmp_path / "test-00000-of-00001.parquet")
    data = load_table(tmp_path)
    np.testing.assert_array_equal(data.train.frame["n"], NUMBERS[:45])
    np.testing.assert_array_equal(data.test.frame["n"], NUMBERS[45:])
    frame[["n", "label"]].to_parquet(tmp_path / "train-00001-of-00002.parquet")
    with pytest.raises(ValueError, match=r"its columns 'n', 'label' differ from those of"):
        load_table(tmp_path)


def test_the_fingerprint_is_of_cells_labels_and_kinds(tmp_path):
    path = write(tmp_path, frame_of(label=CLASSES))
    first = load_table(path).fingerprint
    assert load_table(path).fingerprint == first
    others = [
        load_table(path, split_seed=1),
        load_table(path, categorical=["n"]),
        load_table(path, drop=["n"]),
        load_table(write(tmp_path, frame_of(label=np.roll(CLASSES, 1)))),
        load_table(write(tmp_path, frame_of(label=CLASSES).assign(n=NUMBERS + 1e-6))),
    ]
    assert len({first, *(other.fingerprint for other in others)}) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "price"}, r"has no column 'price' \(--target\); its columns are 'n', 'city'"),
        ({"drop": ["x"]}, r"has no column 'x' \(--drop\)"),
        ({"categorical": ["x"]}, r"has no column 'x' \(--categorical\)"),
        ({"target": "label", "drop": ["label"]}, "the target 'label' cannot be dropped"),
        (
            {"drop": ["n", "city"]},
            "has no column that can be a feature: 'n': by --drop; 'city': by --drop",
        ),
        ({"drop": ["n", "city", "label"]}, "every column is dropped"),
        ({"task": "regression"}, "target 'label': expected a finite number, got '(yes|no)'"),
        ({"target": ["n", "label"]}, "target 'label': expected a finite number, got '(yes|no)'"),
    ],
)
def test_refused_wishes(tmp_path, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_table(write(tmp_path, frame_of(label=CLASSES)), **options)
    assert "t.csv: " in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": "a"}, "two or more classes"),
        ({"label": None}, "the target 'label' has no value at all"),
        ({"y": pd.date_range("2024-01-01", periods=ROWS)}, "'y' holds dates"),
    ],
)
def test_targets_that_nothing_can_be_learned_from(tmp_path, columns, message):
    path = tmp_path / "t.parquet"
    frame_of(**columns).to_parquet(path)
    with pytest.raises(ValueError, match=message):
        load_table(path)


def test_what_is_no_table():
    with pytest.raises(ValueError, match="digits: expected a table, got digits"):
        load_table("digits")
