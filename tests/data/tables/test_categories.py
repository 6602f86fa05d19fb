import json

import numpy as np
import pandas as pd
import pytest

from qimlp.data import TableFeatures
from qimlp.data.tables import categories


def codes(features, values):
    return features.apply({"c": values})[:, -1].int().tolist()


def test_codes_follow_the_order_of_values_and_nothing_else():
    features = TableFeatures.fit({"c": ["b", "a", None, "c", "a"]})
    assert features.cardinalities == (3,)
    assert features.num_numbers == 0
    assert codes(features, ["a", "b", "c", "d", None, float("nan")]) == [1, 2, 3, 0, 0, 0]
    assert TableFeatures.fit({"c": ["c", "b", "a", None]}) == features


def test_numbers_may_come_with_a_gap_or_as_texts():
    features = TableFeatures.fit({"c": np.array([7, 3, 10])}, categorical=["c"])
    assert codes(features, [3, 7.0, np.nan, 10]) == [1, 2, 0, 3]
    assert codes(features, ["7", "3", "x"]) == [2, 1, 0]
    texts = TableFeatures.fit({"c": ["3", "7", "A1"]})
    assert codes(texts, np.array([7.0, np.nan, 3.0])) == [2, 0, 1]


def test_categories_of_pandas_that_do_not_occur_get_no_code():
    kind = pd.CategoricalDtype(["z", "y", "x"])
    features = TableFeatures.fit(pd.DataFrame({"c": pd.Series(["x", "z"], dtype=kind)}))
    assert features.columns[0].values == ("x", "z")


def test_intervals_are_named():
    cut = pd.DataFrame({"c": pd.cut(pd.Series([1.0, 2.0, 9.0]), [0, 5, 10])})
    assert TableFeatures.fit(cut).columns[0].values == ("(0, 5]", "(5, 10]")


def test_a_constant_is_left_out_but_not_with_gaps():
    features = TableFeatures.fit({"c": ["a", "a"], "d": ["a", None]})
    assert features.names == ("d",)
    assert features.cardinalities == (1,)


def test_of_too_many_values_the_frequent_ones_are_kept(monkeypatch):
    monkeypatch.setattr(categories, "MOST_VALUES", 3)
    values = ["e", "d", "d", "c", "c", "c", "b", "a"]
    features = TableFeatures.fit({"c": values})
    assert features.columns[0].values == ("c", "d")  # a, b and e are equally frequent
    weighted = TableFeatures.fit({"c": values}, weights=[1, 1, 1, 1, 1, 1, 1, 2])
    assert weighted.columns[0].values == ("a", "c", "d")


def test_names_that_all_differ_say_nothing(monkeypatch):
    monkeypatch.setattr(categories, "MOST_VALUES", 3)
    features = TableFeatures.fit({"c": list("abcdef"), "n": range(6)})
    assert features.names == ("n",)


@pytest.mark.parametrize(
    "categorical",
    [["b", "c"], [1, 2], [False, True, True], np.array([1, 2]), np.array([0, 1, 1]) > 0],
)
def test_named_columns_places_and_truth_values(categorical):
    table = {"a": [1, 2, 3], "b": [1, 2, 2], "c": ["x", "y", "x"]}
    features = TableFeatures.fit(table, categorical=categorical)
    assert [column.use for column in features.columns] == ["number", "category", "category"]
    assert features.apply(table)[:, 1:].tolist() == [[1, 1], [2, 2], [2, 1]]


def test_none_makes_numbers_of_texts():
    table = {"a": ["1", "2.5", "", None]}
    features = TableFeatures.fit(table, categorical=None)
    assert features.cardinalities == ()
    assert features.apply(table)[:, 1].tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="column 'a': could not convert string to float.*got 'b'"):
        TableFeatures.fit({"a": ["b", "1"]}, categorical=None)


@pytest.mark.parametrize(
    ("categorical", "line"),
    [
        (["z"], "categorical: the table lacks the column 'z'"),
        ([2], "categorical: expected places from 0 to 1, got 2"),
        ([-1], "categorical: expected places from 0 to 1, got -1"),
        ([True], "categorical: expected 2 truth values, one for each column, got 1"),
        ([1.5], "categorical: expected places from 0 to 1, got 1.5"),
        ("all", "categorical: expected 'from_dtype', .* got 'all'"),
    ],
)
def test_columns_that_there_are_not(categorical, line):
    with pytest.raises(ValueError, match=line):
        TableFeatures.fit({"a": [1, 2], "b": ["x", "y"]}, categorical=categorical)


def test_values_are_such_that_a_file_can_hold_them():
    long = "x" * 5000
    features = TableFeatures.fit({"c": [long, "\ud800", "é", 10**30]})
    assert features.columns[0].values == ("1" + "0" * 30, "\\ud800", "x" * 1000, "é")
    json.dumps(features.to_dict()).encode()
    assert codes(features, [long + "y", "\ud800", "é", 10**30]) == [3, 2, 4, 1]
    assert codes(features, ["é", 10**5000]) == [4, 0]


def test_infinite_categories_are_refused():
    with pytest.raises(ValueError, match="column 'x0': expected finite numbers, got inf"):
        TableFeatures.fit(np.array([[1.0], [np.inf]]), categorical=[0])


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2), b"x"])
def test_lists_and_objects_are_refused(value):
    with pytest.raises(TypeError, match="argument must be a string or a number, not"):
        TableFeatures.fit({"c": ["a", value]})
