"""Files of tables as people write them, and what is read from them."""

import gzip

import numpy as np
import pandas as pd
import pytest

from qimlp.data import read_table
from qimlp.data.table_files.reading import read_files

CITIES = ["Köln", "Rom", "Köln"]
PLAIN = "city,price\nKöln,1.5\nRom,2\nKöln,\n"
MARKS = {
    "commas": PLAIN,
    "semicolons": "city;price\nKöln;1,5\nRom;2\nKöln;\n",
    "semicolons, decimal points": "city;price\nKöln;1.5\nRom;2\nKöln;\n",
    "tabs": "city\tprice\nKöln\t1.5\nRom\t2\nKöln\t\n",
    "bars": "city|price\nKöln|1.5\nRom|2\nKöln|NA\n",
    "spaces, quotes": 'city, price\r\n"Köln" , 1.5\r\nRom, 2\r\nKöln, NaN\r\n',
    "a mark at the end": "city,price,\nKöln,1.5,\nRom,2,\nKöln,,\n",
    "a quoted decimal comma": 'city,price\nKöln,"1,5"\nRom,"2,0"\nKöln,\n',
}


def write(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check(path):
    frame = read_table(path)
    assert list(frame.columns) == ["city", "price"]
    assert frame["city"].tolist() == CITIES
    assert frame["price"].dtype == np.float64
    np.testing.assert_array_equal(frame["price"], [1.5, 2.0, np.nan])


@pytest.mark.parametrize("text", MARKS.values(), ids=MARKS)
def test_marks_between_cells_and_in_numbers(tmp_path, text):
    check(write(tmp_path, text))


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"],
)
def test_encodings(tmp_path, encoding):
    path = write(tmp_path, PLAIN.encode(encoding))
    check(path)
    notes = read_files([str(path)]).notes
    assert bool(notes) == (encoding in ("latin-1", "cp1252"))
    assert all("read as Latin-1" in note for note in notes)


def test_compressed_tsv_and_names_in_capitals(tmp_path):
    check(write(tmp_path, gzip.compress(MARKS["tabs"].encode()), "t.TSV.gz"))
    check(write(tmp_path, gzip.compress(PLAIN.encode()), "renamed.csv"))


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
def test_typed_files(tmp_path, suffix):
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, np.nan, 2.0],
            "ok": [True, False, True],
            "day": pd.to_datetime(
                ["2024-01-31", "2024-02-01 12:30", "2024-03-01"], format="ISO8601"
            ),
            "text": ["a", None, "1,5 b"],
        }
    )
    path = tmp_path / f"t.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_excel(path, index=False)
    found = read_table(path)
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)
    assert [dtype.kind for dtype in found.dtypes[:4]] == ["i", "f", "b", "M"]


def test_lists_in_parquet_are_a_column_for_each_place(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"v": [[1.0, 2.0], [3.0, 4.0]], "y": [0, 1]}).to_parquet(path)
    found = read_table(path)
    assert found.to_dict("list") == {"v[0]": [1.0, 3.0], "v[1]": [2.0, 4.0], "y": [0, 1]}


def test_the_first_sheet_is_read_and_said(tmp_path):
    path = tmp_path / "t.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"a": [1]}).to_excel(book, sheet_name="first", index=False)
        pd.DataFrame({"b": [2]}).to_excel(book, sheet_name="second", index=False)
    found = read_files([str(path)])
    assert found.frame.to_dict("list") == {"a": [1]}
    assert found.notes == (f"{path}: read sheet 'first', the first of 2",)


@pytest.mark.parametrize(
    ("text", "names", "values"),
    [
        ("5.1,3.5,setosa\n4.9,3.0,virginica\n", ["column_1", "column_2", "column_3"], 5.1),
        ("1,2,3\n", ["column_1", "column_2", "column_3"], 1),
        ("2019,2020,2021\n1,2,3\n4,5,6\n", ["2019", "2020", "2021"], 1),
        ("1,2,y\n4,2,0\n5,2,1\n", ["1", "2", "y"], 4),
        ("a,b\nx,y\n", ["a", "b"], "x"),
    ],
)
def test_whether_the_first_line_names_the_columns(tmp_path, text, names, values):
    found = read_files([str(write(tmp_path, text))])
    assert list(found.frame.columns) == names
    assert found.frame.iloc[0, 0] == values
    said = [note for note in found.notes if "its first line holds values" in note]
    assert bool(said) == (names[0] == "column_1")


def test_numbers_codes_and_large_integers(tmp_path):
    text = (
        "plz;whole;points;both;big;text\n"
        "01234;1;1.234;-1.234,5;9007199254740993;1\n"
        "99999;2;12.345;0,25;9007199254740995;a\n"
    )
    found = read_files([str(write(tmp_path, text))])
    frame = found.frame
    assert frame["plz"].tolist() == ["01234", "99999"]
    assert frame["whole"].tolist() == [1, 2]
    assert frame["points"].tolist() == [1234, 12345]
    assert frame["both"].tolist() == [-1234.5, 0.25]
    assert frame["big"].tolist() == [9007199254740993, 9007199254740995]
    assert frame["text"].tolist() == ["1", "a"]
    assert [note.partition(": ")[2] for note in found.notes] == [
        "numbers are read with a decimal comma, as in 'both'",
        "points stand between thousands in 'points', as decimal commas in other columns say",
    ]


def test_commas_between_thousands(tmp_path):
    found = read_files([str(write(tmp_path, 'a,b\n"1,234.5",x\n"12,345,678",y\n7,z\n'))])
    assert found.frame["a"].tolist() == [1234.5, 12345678.0, 7.0]
    assert "commas stand between thousands in 'a'" in found.notes[0]


@pytest.mark.parametrize(
    ("first", "second", "written"),
    [
        ("2024-01-31", "2024-02-01", "ISO8601"),
        ("2024-01-31 00:00:00", "2024-02-01T00:00", "ISO8601"),
        ("2024-01-31T01:00:00+01:00", "2024-02-01T00:00:00Z", "ISO8601"),
        ("31.01.2024", "1.2.2024", "%d.%m.%Y"),
        ("31/01/2024 00:00", "01/02/2024 00:00", "%d/%m/%Y %H:%M"),
        ("01/31/2024", "02/01/2024", "%m/%d/%Y"),
        ("2024/01/31", "2024/02/01", "%Y/%m/%d"),
        ("31 Jan 2024", "1 Feb 2024", "%d %b %Y"),
        ("January 31, 2024", "February 1, 2024", "%B %d, %Y"),
    ],
)
def test_dates(tmp_path, first, second, written):
    found = read_files([str(write(tmp_path, f"d;n\n{first};1\n;2\n{second};3\n"))])
    assert found.formats == {"d": written}
    wanted = [pd.Timestamp("2024-01-31"), pd.NaT, pd.Timestamp("2024-02-01")]
    pd.testing.assert_series_equal(found.frame["d"], pd.Series(wanted, name="d"), check_dtype=False)


@pytest.mark.parametrize(
    "cells",
    [("1.2.3", "1.2.4"), ("2024-01-31", "soon"), ("2024-13-01", "2024-01-01"), ("1-2", "3-4")],
)
def test_what_is_no_date_stays_text(tmp_path, cells):
    frame = read_table(write(tmp_path, "d,n\n{},1\n{},2\n".format(*cells)))
    assert frame["d"].tolist() == list(cells)


def test_days_that_may_be_months_are_said(tmp_path):
    found = read_files([str(write(tmp_path, "d,n\n03/04/2024,1\n02/01/2024,2\n"))])
    assert found.frame["d"].dt.month.tolist() == [3, 2]
    assert "dates in 'd' are read as month, day, year" in found.notes[0]


def test_true_false_and_missing(tmp_path):
    frame = read_table(write(tmp_path, "a,b,c\ntrue,TRUE,yes\nFalse,,no\n"))
    assert frame["a"].tolist() == [True, False]
    assert frame["b"].isna().tolist() == [False, True]
    assert bool(frame["b"][0]) is True
    assert frame["c"].tolist() == ["yes", "no"]


def test_columns_left_as_text(tmp_path):
    path = write(tmp_path, "a,y\n1.0,1.0\n2.0,07\n")
    frame = read_files([str(path)], as_text=lambda names: names[-1:]).frame
    assert frame["a"].tolist() == [1.0, 2.0]
    assert frame["y"].tolist() == ["1.0", "07"]
