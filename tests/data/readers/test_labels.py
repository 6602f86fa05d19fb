import numpy as np
import pytest
import torch

from qimlp.data.readers.labels import (
    as_labels,
    class_names_of,
    class_numbers,
    encode,
    written_numbers,
)
from qimlp.data.readers.raw_examples import RawExamples


def raw(labels, class_names=None) -> RawExamples:
    array = None if labels is None else np.asarray(labels)
    return RawExamples("file", torch.zeros(3, 1), (1,), array, class_names)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.array([0, 2, 1], dtype=np.uint8), [0, 2, 1]),
        (np.array([0.0, 2.0]), [0, 2]),
        (np.array([True, False]), [1, 0]),
        (np.array(["10", "9", " -2"]), [10, 9, -2]),
        (np.array([-1, 1]), [-1, 1]),
        (np.array([-1.0, 1.0], dtype=np.float32), [-1, 1]),
        (np.array(["-1", "1", "0"], dtype=object), [-1, 1, 0]),
        (np.array([b"1", b"0"]), [1, 0]),
    ],
)
def test_numbers(values, wanted):
    labels = as_labels(values, "file")
    assert labels.dtype == np.int64
    assert labels.tolist() == wanted


def test_names_stay_names():
    assert as_labels(np.array([" cat", "7"], dtype=object), "file").tolist() == ["cat", "7"]


@pytest.mark.parametrize(
    "values",
    [
        ["01", "02"],
        ["7", "007"],
        ["00", "0"],
        ["-0", "0"],
        ["1e5", "2e5"],
        ["1_0", "2_0"],
        ["1e2", "100", "3"],
        ["1.0", "1"],
        ["2.0", "3.0"],
        ["+1", "1"],
        ["0x10", "16"],
        ["inf", "nan"],
        ["\u0661", "1"],
        ["\u00b2", "2"],
        ["9" * 999, "1"],
        ["9" * 19, "1"],
    ],
)
def test_other_spellings_stay_as_they_are_written(values):
    assert as_labels(np.array(values), "file").tolist() == values
    assert sorted(class_names_of(raw(values))) == sorted(values)


def test_floats_of_a_file_of_text():
    assert written_numbers(np.array(["1.0", " -2.0", "0.0"])).tolist() == ["1", "-2", "0"]
    assert written_numbers(np.array(["1.5", "2", "1e-05"])).tolist() == [1.5, 2.0, 1e-5]
    for values in (["1.0", "2"], ["1e5", "2e5"], ["1.00", "2.0"], ["a", "1.5"], ["1.5", ""]):
        assert written_numbers(np.array(values)).tolist() == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([0, -0.5]), "row 2: label -0.5 is not a class"),
        (np.array(["a", "b" * 1001]), "row 2: its label has 1,001 characters, expected at most"),
        (np.array([b"a", b"\xff"]), "row 2: its label is no text in UTF-8"),
        (np.array([0.0, 0.5]), "row 2: label 0.5"),
        (np.array([np.nan, 0.0]), "row 1: label nan"),
        (np.array(["a", None], dtype=object), "row 2 has no label"),
        (np.array(["a", " "]), "row 2 has no label"),
        (np.array([[1, 2]]), "one label per example"),
        (np.array([1j]), "complex128"),
        (np.array([2**63 + 1], dtype=np.uint64), "not a class"),
    ],
)
def test_refused_labels(values, message):
    with pytest.raises(ValueError, match=message):
        as_labels(values, "file")


def test_classes_are_sorted_by_value():
    assert class_names_of(raw([10, 9, 9])) == ("9", "10")
    assert class_names_of(raw(["b", "a", "b"])) == ("a", "b")
    assert class_names_of(raw([1, -1, 10, -10])) == ("-10", "-1", "1", "10")
    assert encode(raw([1, -1, 1]), ("-1", "1")).tolist() == [1, 0, 1]
    assert encode(raw([1.0, -1.0, 1.0]), ("-1", "1")).tolist() == [1, 0, 1]
    assert encode(raw([10, 9, 9]), ("9", "10")).tolist() == [1, 0, 0]


@pytest.mark.parametrize("examples", [raw([1, 1, 1]), raw([0, 1, 0], ("same", "same"))])
def test_two_different_classes_are_needed(examples):
    with pytest.raises(ValueError, match="two or more classes"):
        class_names_of(examples)


def test_own_names_are_matched_by_name():
    assert encode(raw([0, 1, 0], ("dog", "cat")), ("cat", "dog")).tolist() == [1, 0, 1]


def test_numbers_count_as_class_numbers_of_named_classes():
    assert encode(raw([0, 1, 1]), ("cat", "dog")).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("examples", "classes"),
    [
        (raw([0, 1, 2], ("a", "b")), ("a", "b")),
        (raw([0, 1, 2]), ("a", "b")),
        (raw([8, 9, 7]), ("8", "9")),
        (raw(["a", "b", "c"]), ("a", "b")),
        (raw([0, 0, 1], ("a", "c")), ("a", "b")),
        (raw([0, 0, -1], ("a", "b")), ("a", "b")),
        (raw([0, 0, -1]), ("a", "b")),
    ],
)
def test_label_out_of_range(examples, classes):
    with pytest.raises(ValueError, match=r"file: row 3: label .* is out of range.* 2 classes"):
        encode(examples, classes)


def test_a_class_that_train_lacks_is_called_by_its_name():
    message = (
        "label 'bird' is out of range: it is none of the 2 classes 'cat', 'dog' of the training"
    )
    with pytest.raises(ValueError, match=f"row 1: {message}"):
        encode(raw([0, 1, 2], ("bird", "cat", "dog")), ("cat", "dog"))
    with pytest.raises(ValueError, match=r"label \\x1b\[2J.* is .* 2 classes") as caught:
        encode(raw(["cat", "\x1b[2J" + "." * 900]), ("cat", "dog"))
    assert len(str(caught.value)) < 400


def test_missing_labels():
    with pytest.raises(ValueError, match="no labels"):
        encode(raw(None), ("a", "b"))


def test_class_numbers_of_nothing_are_nothing():
    assert class_numbers(np.array([], dtype=np.int64), None, ("a", "b"), "file").tolist() == []
