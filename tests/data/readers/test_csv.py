import pytest

from qimlp.data import load
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.csv import read_csv
from qimlp.data.readers.labels import class_names_of

HEADER = "a,b,label\n"


def test_numbers_and_named_labels(write_csv):
    raw = read_csv(write_csv("a,label,b\n1,yes,0.5\n2.5,no,-1e3\n"))
    assert raw.feature_names == ("a", "b")
    assert raw.inputs.tolist() == [[1.0, 0.5], [2.5, -1000.0]]
    assert raw.labels.tolist() == ["yes", "no"]


def test_byte_order_mark_quotes_and_other_label_column(write_csv):
    raw = read_csv(write_csv('\ufeffa,"the, class"\r\n1,2\r\n3,0\r\n'), TableRequest("the, class"))
    assert raw.inputs.tolist() == [[1.0], [3.0]]
    assert class_names_of(raw) == ("0", "2")


def test_types_do_not_depend_on_the_first_rows(write_csv):
    rows = "1,2,0\n" * 400_000  # more than one megabyte, the part that types are guessed from
    raw = read_csv(write_csv(HEADER + rows + "0.5,0.25,x\n"))
    assert raw.inputs[-1].tolist() == [0.5, 0.25]
    assert set(raw.labels.tolist()) == {"0", "x"}


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
def test_columns_of_true_and_false(write_csv, yes, no):
    raw = read_csv(write_csv(f"a,b,label\n\n{yes},2,{yes}\n{no},3,{no}\n"))
    assert raw.inputs.tolist() == [[1.0, 2.0], [0.0, 3.0]]
    assert raw.labels.tolist() == [yes, no]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line names columns"),
        ("\n", "first line names columns"),
        (HEADER, "at least one row, got none"),
        ("label\n0\n", "no feature column"),
        ("a,b\n1,2\n", "no label column 'label'; its columns are 'a', 'b'"),
        ("a,a,label\n1,2,0\n", "these repeat: 'a'"),
        (HEADER + "1,2,0\n1,2\n", "cannot be read as a CSV file.*Expected 3 columns, got 2"),
        (HEADER + "1,2,0\n1,tall,1\n", "column 'b' holds something else than numbers.*tall"),
        (HEADER + "1,2,0\n1,,1\n", "row 2, column 'b' is empty, NaN"),
        (HEADER + "1,nan,0\n1,2,1\n", "row 1, column 'b' is empty, NaN"),
        (HEADER + "1,inf,0\n1,2,1\n", "row 1, column 'b'"),
        (HEADER + "1,2,0\n1,1e300,1\n", "row 2, column 'b' is .* or too large for float32"),
        (HEADER + "1,2,0\n1,2,\n", "row 2 has no label"),
        (HEADER + "1,True,0\n1,2,1\n", "column 'b' begins with true or false and .*'2'"),
        (HEADER + "1,2,0\n1,True,1\n", "column 'b' holds something else than numbers.*'True'"),
        (HEADER + "1,True,0\n1,,1\n", "row 2, column 'b' is empty, NaN"),
        ("a;b;label\n1;2;0\n", "expected columns separated by commas, got semicolons"),
        ("a;b;label\n1,5;2,5;0\n", "expected columns separated by commas, got semicolons"),
        ("a\tb\tlabel\n", "expected columns separated by commas, got tabs"),
        ("a;b\n1\n", "has no label column 'label'; its columns are 'a;b'"),
        (HEADER + "1,2,0\n1,2,0\n", "two or more classes"),
        (HEADER + "1,2,0\n1,2,1\n", "2 examples of 2 classes are too few to set a test part"),
    ],
)
def test_refused_content(write_csv, text, message):
    path = write_csv(text)
    with pytest.raises(ValueError, match=message) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"a,b,label\n\xff\xfe,1,0\n", b"\xff\xfe\x00,b\n1,2\n", b"\x00"]
)
def test_bytes_that_are_no_text(tmp_path, content):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.csv"):
        load(str(path))


def test_train_and_test_files(write_csv, tmp_path):
    write_csv(HEADER + "1,2,cat\n3,4,dog\n", "train.csv")
    write_csv("label,b,a\ndog,20,10\n", "test.csv")
    for source in (tmp_path, tmp_path / "train.csv"):
        data = load(str(source))
        assert data.name == tmp_path.name
        assert data.test_origin == "the source's own test split"
        assert data.test.inputs.tolist() == [[10.0, 20.0]]
        assert data.test.labels.tolist() == [1]


def test_without_a_test_file_a_fifth_is_set_aside(write_csv):
    rows = "".join(f"{row * row},{row % 7},{'ab'[row % 2]}\n" for row in range(50))
    data = load(str(write_csv(HEADER + rows)))
    assert (data.name, len(data.train), len(data.test)) == ("points", 40, 10)
    assert data.test_origin.startswith("20 % of the examples")
    assert data.class_names == ("a", "b")
    assert data.feature_names == ("a", "b")


def test_label_of_the_test_file_that_train_never_had(write_csv, tmp_path):
    write_csv(HEADER + "1,2,cat\n3,4,dog\n", "train.csv")
    write_csv(HEADER + "1,2,cow\n", "test.csv")
    with pytest.raises(ValueError, match=r"test\.csv: row 1: label cow .* none of the 2 classes"):
        load(str(tmp_path))
