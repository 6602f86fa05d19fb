"""Texts, dates, and what is kept in a file."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from qimlp.data import TableFeatures, TermWeights

TEXTS = ["good warm soup", "cold soup", "good bread", None, "warm bread and soup"]
FRAME = pd.DataFrame(
    {
        "price": [3.5, 4.0, np.nan, 9.0, 2.0],
        "city": ["Rome", "Oslo", "Rome", None, "Lima"],
        "when": pd.to_datetime(
            ["2024-02-29 06:00", "2023-01-01", None, "2022-12-31 23:59:30.5", "2024-07-04"],
            format="mixed",
        ),
        "review": TEXTS,
        "vip": [True, False, True, True, False],
    }
)
FEATURES = TableFeatures.fit(FRAME, text=["review"], terms=4)


def test_round_trip_through_json():
    again = TableFeatures.from_dict(json.loads(json.dumps(FEATURES.to_dict())))
    assert again == FEATURES
    assert torch.equal(again.apply(FRAME), FEATURES.apply(FRAME))


def test_inputs_are_contiguous_float32():
    inputs = FEATURES.apply(FRAME)
    assert inputs.dtype == torch.float32
    assert inputs.is_contiguous()
    assert inputs.shape == (5, FEATURES.num_numbers + len(FEATURES.cardinalities))


def test_parts_of_dates():
    features = TableFeatures.fit(FRAME[["when"]])
    parts = [(2024, 2, 29, 3, 21600), (2023, 1, 1, 6, 0), (2022, 12, 31, 5, 86370.5)]
    parts += [(2024, 7, 4, 3, 0)]
    numbers = np.array([*parts[:2], (np.nan,) * 5, *parts[2:]])
    expected = TableFeatures.fit(numbers)
    assert features.scaling.centre == expected.scaling.centre
    assert features.scaling.scale == expected.scaling.scale
    assert features.scaling.missing == (True, False, False, False, False)
    assert torch.equal(features.apply(FRAME)[:, :5], expected.apply(numbers)[:, :5])
    assert features.apply(FRAME)[:, 5].tolist() == [0, 0, 1, 0, 0]


def test_dates_before_1970():
    when = np.array([["1969-12-31T23:00"], ["1968-02-29T01:00"]], dtype="datetime64[s]")
    scaling = TableFeatures.fit(when).scaling
    expected = TableFeatures.fit(np.array([[1969, 12, 31, 2, 82800], [1968, 2, 29, 3, 3600]]))
    assert scaling == expected.scaling


def test_terms_are_numbers_on_the_same_scale():
    features = TableFeatures.fit(FRAME[["review"]], text=["review"], terms=3)
    words = TermWeights.fit([text or "" for text in TEXTS], 3)
    assert features.columns[0].terms == words
    plain = words.apply([text or "" for text in TEXTS]).numpy()
    assert torch.equal(features.apply(FRAME), TableFeatures.fit(plain).apply(plain))
    nothing = features.apply({"review": ["unknown words", None]})
    assert torch.equal(nothing, TableFeatures.fit(plain).apply(np.zeros((2, 3))))


def test_truth_values_are_numbers():
    as_numbers = TableFeatures.fit(FRAME[["vip"]].astype(float))
    assert TableFeatures.fit(FRAME[["vip"]]) == as_numbers


def test_text_columns_must_be_there_and_hold_words():
    with pytest.raises(ValueError, match="text: the table lacks the column 'words'"):
        TableFeatures.fit(FRAME, text=["words"])
    with pytest.raises(ValueError, match="column 'price': the training texts hold no words"):
        TableFeatures.fit(FRAME.assign(price="1"), text=["price"])


def damage(path, value):
    stored = json.loads(json.dumps(FEATURES.to_dict()))
    place = stored
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return stored


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["width"], ...),
        (["width"], 4),
        (["width"], True),
        (["width"], "5"),
        (["named"], 1),
        (["columns"], {}),
        (["columns"], []),
        (["columns", 0], None),
        (["columns", 0, "use"], "guess"),
        (["columns", 0, "use"], ["number"]),
        (["columns", 0, "use"], "date"),
        (["columns", 0, "name"], 3),
        (["columns", 0, "name"], "city"),
        (["columns", 0, "position"], -1),
        (["columns", 0, "position"], 2**40),
        (["columns", 0, "position"], 1),
        (["columns", 0, "more"], 1),
        (["columns", 1, "values"], []),
        (["columns", 1, "values"], ["a", "a"]),
        (["columns", 1, "values"], [["a"]]),
        (["columns", 1, "values"], list(range(1025))),
        (["columns", 1, "values"], ...),
        (["columns", 3, "terms"], {"terms": ["a"], "idf": [0]}),
        (["columns", 3, "terms"], {"terms": ["a"], "idf": [1.0]}),
        (["columns", 3, "terms"], None),
        (["centre"], ...),
        (["centre"], [0.0]),
        (["centre", 0], "0"),
        (["centre", 0], 10**400),
        (["scale", 0], -1.0),
        (["scale", 0], float("inf")),
        (["scale", 0], True),
        (["missing", 0], 1),
        (["missing"], "yes"),
        (["more"], 1),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(path, value):
    with pytest.raises(ValueError, match="^the stored (columns|terms)[^\n]*$"):
        TableFeatures.from_dict(damage(path, value))


def test_something_else_is_refused():
    with pytest.raises(ValueError, match="the stored columns of a table are damaged"):
        TableFeatures.from_dict([1, 2])
