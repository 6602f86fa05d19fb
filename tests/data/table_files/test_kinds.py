"""What the columns of a table are taken for."""

import numpy as np
import pandas as pd
import pytest

from qimlp.data import Column, describe_columns, feature_frame, read_table

ROWS = 40
NUMBERS = np.random.default_rng(0).normal(size=ROWS)
SENTENCES = [f"the {n} quick foxes jump over {n * n} lazy dogs" for n in range(ROWS)]


def one(values, **options):
    (column,) = describe_columns(pd.DataFrame({"c": values}), **options)
    return column


@pytest.mark.parametrize(
    ("values", "kind", "note"),
    [
        (NUMBERS, "number", ""),
        ([np.nan, *NUMBERS[1:]], "number", "1 of 40 missing"),
        ([0, 1] * 20, "number", "0 and 1"),
        ([True, False] * 20, "boolean", ""),
        (pd.array([True, None] * 20, dtype="boolean"), "boolean", "20 of 40 missing"),
        (["yes", "No"] * 20, "boolean", ""),
        (["red", "green"] * 20, "category", "2 values"),
        (["red", None] * 20, "category", "1 values, 20 of 40 missing"),
        (pd.Categorical(["a", "b"] * 20), "category", "2 values"),
        (pd.date_range("2024-01-01", periods=ROWS), "date", "2024-01-01 to 2024-02-09"),
        (pd.to_timedelta(NUMBERS, unit="s"), "number", "durations in seconds"),
        (SENTENCES, "text", "9 words on average"),
        (["the same four words", "and four other words"] * 20, "category", "2 values"),
        ([f"name {n}" for n in range(ROWS)], "left out", "another text in every row"),
        ([f"name {n % 30}" for n in range(ROWS)], "left out", "30 different texts on 40 rows"),
        (np.arange(ROWS), "left out", "it counts rows (0, 1, 2, ...)"),
        (np.arange(ROWS) * 10 + 7, "left out", "it counts rows (7, 17, 27, ...)"),
        (np.cumsum(np.arange(1, ROWS + 1)), "number", "rises from row to row"),
        (np.random.default_rng(0).permutation(ROWS), "number", "whole numbers once"),
        ([3.5] * ROWS, "left out", "the same in every row, 3.5"),
        (["x"] * ROWS, "left out", "the same in every row, 'x'"),
        ([None] * ROWS, "left out", "it holds no value"),
        ([[1, 2]] * ROWS, "left out", "lists or other objects"),
        ([b"\x89PNG"] * ROWS, "left out", "lists or other objects"),
    ],
)
def test_kinds(values, kind, note):
    column = one(values)
    assert column.kind == kind
    assert note in column.note


def test_what_the_user_says():
    assert one([1, 2] * 20, categorical=["c"]) == Column("c", "category", "2 values")
    names = [f"name {n}" for n in range(ROWS)]
    assert one(names, categorical=["c"]).kind == "category"
    assert one(NUMBERS, drop=["c"]) == Column("c", "left out", "by --drop")
    assert describe_columns(pd.DataFrame({"c": NUMBERS}), ["c"]) == ()


def test_row_numbers_by_name():
    frame = pd.DataFrame({"Unnamed: 0": NUMBERS, "__index_level_0__": NUMBERS, "n": NUMBERS})
    kinds = [c.kind for c in describe_columns(frame, index=["__index_level_0__"])]
    assert kinds == ["left out", "left out", "number"]


def test_of_several_texts_the_longest_is_read():
    frame = pd.DataFrame({"short": [text[:25] for text in SENTENCES], "long": SENTENCES})
    short, long = describe_columns(frame)
    assert (short.kind, long.kind) == ("left out", "text")
    assert "only the longest, 'long'" in short.note


def test_a_column_as_plain_data():
    column = Column("day", "date", "a note", "%d.%m.%Y")
    assert Column.from_dict(column.to_dict()) == column
    for damaged in ({"name": "a"}, {"name": "a", "kind": "x"}, {"name": 1, "kind": "text"}):
        with pytest.raises(ValueError, match="columns: "):
            Column.from_dict(damaged)


COLUMNS = (
    Column("id", "left out"),
    Column("n", "number"),
    Column("ok", "boolean"),
    Column("city", "category"),
    Column("day", "date", written="%d.%m.%Y"),
    Column("words", "text"),
)


def new_rows(tmp_path, text):
    (tmp_path / "new.csv").write_text(text)
    return feature_frame(read_table(tmp_path / "new.csv"), COLUMNS, "new.csv")


def test_features_are_found_by_name_and_read_as_in_training(tmp_path):
    frame = new_rows(
        tmp_path,
        "more;words;day;city;ok;n\n1;2;01.02.2024;1;yes;1,5\n2;;;;No;\n3;x y;28.02.2024;2;;7,25\n",
    )
    assert list(frame.columns) == ["n", "ok", "city", "day", "words"]
    np.testing.assert_array_equal(frame["n"], [1.5, np.nan, 7.25])
    np.testing.assert_array_equal(frame["ok"], [1, 0, np.nan])
    assert frame["city"].fillna("-").tolist() == ["1", "-", "2"]
    days = [pd.Timestamp("2024-02-01"), pd.NaT, pd.Timestamp("2024-02-28")]
    assert frame["day"].tolist()[::2] == days[::2]
    assert frame["day"][1] is pd.NaT
    assert frame["words"].fillna("-").tolist() == ["2", "-", "x y"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": "tall"}, "row 2, column 'n': expected a finite number as in training, got 'tall'"),
        ({"ok": "maybe"}, "row 2, column 'ok': expected true or false as in training, got 'maybe'"),
        ({"day": "soon"}, "row 2, column 'day': expected a date written as %d.%m.%Y as in tr"),
        ({"n": None}, "lacks 'n', among the columns of the training data; its columns are 'ok'"),
    ],
)
def test_new_rows_that_are_unlike_those_of_training(tmp_path, change, message):
    row = {"n": "1", "ok": "yes", "city": "Rom", "day": "01.02.2024", "words": "w"}
    rows = [row, {**row, **change}]
    names = [name for name in row if change.get(name, "") is not None]
    text = "\n".join([",".join(names), *(",".join(r[name] for name in names) for r in rows)])
    with pytest.raises(ValueError, match="new.csv: ") as caught:
        new_rows(tmp_path, text + "\n")
    assert message in str(caught.value)
