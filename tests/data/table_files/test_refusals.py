"""What is no table: one clear line that names the file and, where there is one, the row."""

import gzip
import zipfile

import pandas as pd
import pytest

from qimlp.data import read_table
from qimlp.data.table_files import dialect, excel

RANDOM = bytes(range(256)) * 20


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "expected a table, got nothing in it"),
        ("t.csv", b"\n \n", "expected a table, got nothing in it"),
        ("t.csv", b"a,b\n", "expected at least one row, got none"),
        ("t.csv", b"a,b\n1,2\n3\n", r"row 2 \(line 3 of the file\): expected 2 columns .*got 1"),
        ("t.csv", b"a,b\n1,2,3\n", r"row 1 \(line 2 of the file\): expected 2 columns .*got 3"),
        ("t.csv", b'a,b\n1,"x\ny"\n2,z\n3\n', r"row 3 \(line 5 of the file\)"),
        ("t.csv", b"1,2\n3,4\n5\n", r"row 3 \(line 3 of the file\)"),
        ("t.csv", b"a,b,a\n1,2,3\n", "column names must differ, these repeat: 'a'"),
        ("t.csv", b"a,b\n1,inf\n", "row 1, column 'b': expected a finite number, got 'inf'"),
        ("t.csv", b"a,b\n1,2\n3,1e999\n", "row 2, column 'b': expected a finite number"),
        ("t.csv", b'a,b\n1,"2\n', "quotes around the last cell do not end"),
        ("t.csv", b'a,b\n"1,2\n3,4\n', r"row 1 \(line 3 of the file\): expected 2 columns .*got 1"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "got binary data"),
        ("t.csv", RANDOM, "got binary data"),
        ("t.csv", b"\xff\xfea", "got binary data"),
        ("t.csv", b"a,b\n1,\x01\n", "got binary data"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "cannot be unpacked as gzip"),
        ("t.csv.gz", b"\x1f\x8b", "cannot be unpacked as gzip"),
        ("t.xlsx", b"PK\x03\x04", "cannot be read as an Excel workbook"),
        ("t.xlsx", b"", "cannot be read as an Excel workbook"),
        ("t.parquet", b"PAR1PAR1", "cannot be read as a Parquet file"),
        ("t.xls", b"", r"expected a table, a file ending in \.csv"),
    ],
)
def test_content(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_table(path)
    line = str(caught.value)
    assert name in line
    assert line.isprintable()
    assert len(line) < 400


def test_a_zip_that_is_no_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(ValueError, match=r"t\.xlsx: cannot be read as an Excel workbook"):
        read_table(tmp_path / "t.xlsx")


def test_files_that_unpack_to_very_much(tmp_path, monkeypatch):
    monkeypatch.setattr(dialect, "LARGE", 2**16)
    monkeypatch.setattr(excel, "LARGE", 2**16)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"0,1\n" * 2**20))
    with pytest.raises(ValueError, match=r"t\.csv\.gz: unpacks to more than .* 100 times its size"):
        read_table(tmp_path / "t.csv.gz")
    (tmp_path / "u.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"0,1\n" * 2**12))
    assert len(read_table(tmp_path / "u.csv.gz")) == 2**12
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(2**24))
    with pytest.raises(ValueError, match=r"t\.xlsx: unpacks to 16,777,216 bytes"):
        read_table(tmp_path / "t.xlsx")


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.csv not found: expected a table"):
        read_table(tmp_path / "gone.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.csv is a folder"):
        read_table(tmp_path / "folder.csv")


def test_lists_of_several_lengths(tmp_path):
    pd.DataFrame({"v": [[1.0], [1.0, 2.0]]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="row 2, column 'v': expected a list of 1 numbers"):
        read_table(tmp_path / "t.parquet")
