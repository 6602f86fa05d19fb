"""Tables and archives made to hang, to fill the memory or to run code: one short line each."""

import os
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest

from qimlp.data import load
from qimlp.data.readers.csv import read_csv
from qimlp.data.readers.npz import read_npz
from qimlp.data.readers.parquet import read_parquet

Y = np.arange(20) % 2
ROWS = "".join(f"{row * row},{row % 2}\n" for row in range(20))


def header(text: str, version: int = 1) -> bytes:
    form = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, len(text)) + text.encode()


def array(shape: str, descr: str = "'<f8'", size: int = 0) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"
    return header(text) + bytes(size)


def archive(path, x: bytes, y: bytes | None = None, packed: int = zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packed) as file:
        file.writestr("x.npy", x)
        file.writestr("y.npy", array("(20,)", "'<i8'", 160) if y is None else y)
    return path


def refusal(path) -> str:
    with pytest.raises((ValueError, OSError)) as caught:
        load(str(path))
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 500
    assert path.name in line
    return line


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 99, "cannot be read as a Nu"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 20_000) + b" " * 20_000, "cannot be read as a"),
        (b"\x93NUMPY\x07\x00" + bytes(99), "cannot be read as a NumPy"),
        (b"", "cannot be read as a NumPy"),
        (header("(" * 9000), "cannot be read as a NumPy"),
        (header("{'descr': 5, 'shape': 3}"), "cannot be read as a NumPy"),
        (array("(True, 3)", size=24), "cannot be read as a NumPy"),
        (array("(20, 3)", "'|O'") + b"cos\nsystem\n(S'exit'\ntR.", "never unpickled"),
        (array("(20,)", "[('a', '<f8')]", 160), "expected numbers"),
        (array("(-20, -3)", size=480), "is the file damaged"),
        (array("(20, 50000000)", size=480), "expected 8,000,000,000 bytes"),
        (array("(1000000000000, 1)", "'<U0'"), "is the file damaged"),
        (array("(1000000000000, 0)"), "at least one example"),
        (array("(30, 3)", size=720), r"x of shape \(30, 3\) and y of shape \(20,\)"),
    ],
)
def test_arrays(tmp_path, x, message):
    with pytest.raises(ValueError, match=message):
        load(str(archive(tmp_path / "t.npz", x)))
    refusal(tmp_path / "t.npz")


def test_labels_of_no_size(tmp_path):
    archive(tmp_path / "t.npz", array("(20, 3)", size=480), array("(20,)", "'<U0'"))
    assert "array y: expected 0 bytes" in refusal(tmp_path / "t.npz")


@pytest.mark.parametrize("packed", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packed_in_unusual_ways(tmp_path, packed):
    archive(tmp_path / "t.npz", array("(20, 3)", size=480), packed=packed)
    assert "packed in a way that NumPy does not use" in refusal(tmp_path / "t.npz")


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [((6, 8), 1, "is encrypted"), ((8, 10), 99, "packed in a way")],
    ids=["encrypted", "unknown"],
)
def test_marks_of_a_member(tmp_path, at, value, message):
    content = bytearray(archive(tmp_path / "t.npz", array("(20, 3)", size=480)).read_bytes())
    content[at[0]] = value
    content[content.find(b"PK\x01\x02") + at[1]] = value
    (tmp_path / "t.npz").write_bytes(content)
    assert message in refusal(tmp_path / "t.npz")


def test_an_archive_made_to_fill_the_memory_is_not_unpacked(tmp_path):
    path = tmp_path / "t.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("x.npy", "w") as member:
            member.write(array("(20, 2000000)"))
            for _ in range(20):
                member.write(bytes(16_000_000))
        file.writestr("y.npy", array("(20,)", "'<i8'", 160))
    assert "files made to fill the memory do" in refusal(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,label\n" + "9" * 10**6 + ",1\n" + ROWS, "a cell of its first rows is longer"),
        (
            "a,label\n" + ROWS + "x" * 10**6 + ",1\n",
            r"column 'a' holds something else .*xx \.\.\. ",
        ),
        ("a,label\n" + ROWS + "1," + "x" * 10**6 + "\n", "label has 1,000,000 characters"),
        ("a" * 10**6 + ",label\n" + ROWS, "a cell of its first rows is longer"),
        ("a,label\n" + ROWS + "1\x002,1\n", r"\\x00"),
        ("a,label\n" + ROWS + "\x1b[2J\x07,1\n", r"\\x1b\[2J\\x07"),
        ("\x1b[2Ja,b\n" + ROWS, r"its columns are '\\x1b\[2Ja', 'b'"),
        (",".join(map(str, range(100_000))) + ",label\n", "at most 50,000 columns, got 100,001"),
        ('a,label\n"1,0\n' + ROWS * 2000, "quotes do not end"),
        ('a,label\n1,0\n"2,1\n' + ROWS, "cannot be read as a CSV file"),
        ("1" * (2**24 + 1), "got none within its first 16,777,216 bytes"),
        ("a,label\n" + ROWS + "1," * 10**5 + "\n", "Expected 2 columns, got 100001"),
        ("a,label\n" + ROWS + "1e999999999,1\n", "row 21, column 'a' is empty, NaN, infinite"),
        (
            "a,label\n"
            + ROWS
            + "1,caf\u00e9\n".encode("latin-1").decode("utf-8", "surrogateescape"),
            "in UTF-8",
        ),
    ],
)
def test_csv_files(tmp_path, text, message):
    (tmp_path / "t.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    line = refusal(tmp_path / "t.csv")
    with pytest.raises(ValueError, match=message):
        raise ValueError(line)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("t.csv", read_csv),
        ("t.npz", lambda path: read_npz(path, "train")),
        ("t.parquet", lambda path: read_parquet([str(path)])),
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_only_regular_files_are_opened(tmp_path, name, read, kind):
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    refusal(path)
    with pytest.raises(OSError, match=f"is a {kind}: expected a"):
        read(path)


def seed_file(path):
    numbers = np.random.default_rng(0).normal(size=(60, 3))
    if path.suffix == ".npz":
        np.savez_compressed(path, x=numbers, y=np.arange(60) % 2)
        return
    times = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(60) ** 2, unit="s")
    columns = {"a": numbers[:, 0], "c": np.array(["x", "y", "z"])[np.arange(60) % 3], "t": times}
    frame = pd.DataFrame({**columns, "label": np.arange(60) % 2})
    if path.suffix == ".csv":
        frame.to_csv(path)
    else:
        frame.assign(e=numbers.tolist()).to_parquet(path)


PIECES = (
    b'"',
    b",",
    b"\n",
    b"\x00",
    b"\xff",
    b"1e999",
    b"nan",
    b"\x1b[2J",
    b"9" * 400,
    b"=",
    b"[0]",
)


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    result = bytearray(content)
    for _ in range(random.choice([1, 2, 3, 30])):
        place, kind = int(random.integers(len(result))), random.integers(4)
        if kind == 0:
            result[place] ^= 1 << int(random.integers(8))
        elif kind == 1:
            del result[place : place + int(random.integers(1, 40))]
        elif kind == 2:
            result[place:place] = PIECES[random.integers(len(PIECES))]
        else:
            other = int(random.integers(len(result)))
            result[place:place] = result[other : other + 60]
    return bytes(result)


@pytest.mark.parametrize("name", ["t.csv", "t.npz", "t.parquet"])
def test_damaged_files_are_one_line_each(tmp_path, name):
    path, random = tmp_path / name, np.random.default_rng(0)
    seed_file(path)
    content, refused = path.read_bytes(), 0
    for _ in range(300):
        path.write_bytes(damaged(content, random))
        try:
            load(str(path))
        except (ValueError, OSError) as error:  # anything else fails the test
            refused += 1
            line, kind = str(error), type(error)
        else:
            continue
        assert line.isprintable()
        assert len(line) < 600
        assert kind in (ValueError, OSError)  # no error of Python's own, such as one of decoding
    assert refused > 100
