"""A predictor whose features are learned from columns of any kind."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from qimlp.data import Scaling, TableFeatures
from qimlp.models import MLP, TableNetwork
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification, Regression

FRAME = pd.DataFrame(
    {
        "size": [1.0, np.nan, 3.0, 8.0, 2.5],
        "city": ["Rome", "Oslo", None, "Rome", "Lima"],
        "when": pd.to_datetime(["2024-01-01", "2024-03-05", "2023-01-01", None, "2025-06-07"]),
    }
)


def predictor(network, task, table):
    plain = Scaling("none", table.in_features, (0.0,), (1.0,))
    return Predictor(network.eval(), task, Features(table=table), plain, (table.in_features,))


@pytest.fixture(params=["table", "mlp"])
def classifier(request):
    torch.manual_seed(0)
    table = TableFeatures.fit(FRAME)
    network = MLP([table.in_features, 4, 3])
    if request.param == "table":
        network = TableNetwork(table.num_numbers, table.cardinalities, 3)
    return predictor(network, Classification(("a", "b", "c")), table)


def test_answers_are_the_networks_on_the_tables_features(classifier):
    inputs = classifier.features.table.apply(FRAME)
    expected = classifier.network(inputs).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(classifier.predict_proba(FRAME), expected, rtol=1e-6)
    names = np.array(["a", "b", "c"])[expected.argmax(axis=1)]
    assert classifier.predict(FRAME).tolist() == names.tolist()


def test_columns_in_any_order_further_ones_and_other_frames(classifier):
    expected = classifier.predict_proba(FRAME)
    mixed = FRAME[["when", "city", "size"]].assign(more="x")
    for table in (mixed, pl.from_pandas(mixed), dict(mixed), FRAME.to_numpy()):
        np.testing.assert_array_equal(classifier.predict_proba(table), expected)


def test_what_was_not_seen_counts_as_missing(classifier):
    unseen = classifier.predict_proba(FRAME.assign(city="Paris", size=np.nan))
    missing = classifier.predict_proba(FRAME.assign(city=None, size=None))
    np.testing.assert_array_equal(unseen, missing)


def test_saved_and_loaded(classifier, tmp_path):
    classifier.save(tmp_path)
    again = Predictor.load(tmp_path, device="cpu")
    assert again.features == classifier.features
    np.testing.assert_array_equal(again.predict_proba(FRAME), classifier.predict_proba(FRAME))


def test_regression_answers_in_the_targets_unit():
    table = TableFeatures.fit(FRAME)
    network = TableNetwork(table.num_numbers, table.cardinalities, 1, combine="mean")
    found = predictor(network, Regression(("price",), (5.0,), (2.0,)), table)
    outputs = network(table.apply(FRAME))[:, 0]
    assert found.predict(FRAME) == pytest.approx((outputs * 2 + 5).tolist())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"width": 1}, "preprocess.json is damaged: the stored columns of a table are damaged"),
        ({"columns": []}, "preprocess.json is damaged: the stored columns of a table are damaged"),
        (None, "preprocess.json is damaged: the stored columns of a table are damaged"),
    ],
)
def test_damaged_columns_are_refused_in_one_line(classifier, tmp_path, change, line):
    classifier.save(tmp_path)
    path = tmp_path / "preprocess.json"
    stored = json.loads(path.read_text())
    table = stored["features"]["table"]
    stored["features"]["table"] = None if change is None else table | change
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=f"{line}[^\n]*$"):
        Predictor.load(tmp_path, device="cpu")


def test_columns_of_another_network_are_refused(classifier, tmp_path):
    classifier.save(tmp_path)
    path = tmp_path / "preprocess.json"
    stored = json.loads(path.read_text())
    other = TableFeatures.fit(FRAME[["size"]])
    stored["features"]["table"] = other.to_dict()
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="table: expected 8 features, got 2"):
        Predictor.load(tmp_path, device="cpu")


def test_more_categories_than_the_network_has_are_refused(tmp_path):
    table = TableFeatures.fit(FRAME)
    network = TableNetwork(table.num_numbers, table.cardinalities, 2)
    predictor(network, Classification(("a", "b")), table).save(tmp_path)
    path = tmp_path / "preprocess.json"
    stored = json.loads(path.read_text())
    stored["features"]["table"]["columns"][1]["values"].append("Zagreb")
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="expected a network of 8 features and 2 outputs"):
        Predictor.load(tmp_path, device="cpu")


def test_missing_columns_are_refused(classifier):
    with pytest.raises(ValueError, match="the table lacks the columns 'city'"):
        classifier.predict(FRAME.drop(columns="city"))
