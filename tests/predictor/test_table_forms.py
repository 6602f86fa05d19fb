"""A file of columns of any kind and its rows in memory, in every form, get the same answers."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from qimlp.data import Scaling, TableFeatures, load_table
from qimlp.models import TableNetwork
from qimlp.predictor import Features, Predictor, learn_features
from qimlp.training import resolve_settings

REVIEWS = ["a warm and friendly place", "far too loud for me", "good bread but cold soup"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`shops.csv`: decimal commas, a gap in each column, dates of two-digit days, a row number."""
    random = np.random.default_rng(0)
    rows = 60
    frame = pd.DataFrame(
        {
            "id": range(rows),
            "size": [f"{value:.2f}".replace(".", ",") for value in random.normal(5, 2, rows)],
            "city": random.choice(["Rome", "Oslo", "Lima"], rows),
            "zip": random.choice(["00186", "01234"], rows),
            "open": random.choice(["yes", "no"], rows),
            "since": [
                f"{day:02d}.{month:02d}.2024"
                for day, month in zip(range(13, 28), range(1, 13), strict=False)
            ]
            * 5,
            "review": [f"{REVIEWS[n % 3]} {n}" for n in range(rows)],
            "kind": random.choice(["bar", "café"], rows),
        }
    )
    for place, name in enumerate(("size", "city", "since", "review")):
        frame.loc[place, name] = None
    root = tmp_path_factory.mktemp("tables")
    frame.to_csv(root / "shops.csv", sep=";", index=False)
    return root


@pytest.fixture(scope="module")
def settings(folder):
    return resolve_settings({"data": str(folder / "shops.csv"), "device": "cpu"})


@pytest.fixture(scope="module")
def predictor(folder, settings):
    table = load_table(settings.dataset.data)
    data, features = learn_features(settings, table)
    torch.manual_seed(0)
    known = features.table
    network = TableNetwork(known.num_numbers, known.cardinalities, 2).eval()
    plain = Scaling("none", data.in_features, (0.0,), (1.0,))
    return Predictor(network, data.task, features, plain, data.feature_shape, label_column="kind")


@pytest.fixture
def rows(folder):
    """As a user reads the file."""
    return pd.read_csv(folder / "shops.csv", sep=";", decimal=",", dtype={"zip": str})


def test_a_file_and_its_rows_in_memory_get_the_same_answers(folder, predictor, rows):
    expected = predictor.predict_proba(str(folder / "shops.csv"))
    assert expected.shape == (60, 2)
    forms = [rows, pl.from_pandas(rows), pl.from_pandas(rows).to_arrow(), rows.to_dict("list")]
    for form in forms:
        np.testing.assert_array_equal(predictor.predict_proba(form), expected)


def test_unseen_and_missing_values(predictor, rows):
    unseen = predictor.predict_proba(rows.assign(city="Paris", zip="99999"))
    missing = predictor.predict_proba(rows.assign(city=None, zip=None))
    np.testing.assert_array_equal(unseen, missing)
    nothing = rows.assign(size=np.nan, since=None, review=None, open=None)
    assert np.isfinite(predictor.predict_proba(nothing)).all()


def test_saved_and_loaded(folder, predictor, rows, tmp_path):
    predictor.save(tmp_path / "model")
    again = Predictor.load(tmp_path / "model", device="cpu")
    assert again.features == predictor.features
    expected = predictor.predict_proba(rows)
    np.testing.assert_array_equal(again.predict_proba(rows), expected)
    np.testing.assert_array_equal(again.predict_proba(str(folder / "shops.csv")), expected)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"size": "much"}, "the table: row 1, column 'size': expected a finite number"),
        ({"since": "soon"}, "the table: row 1, column 'since': expected a date written as"),
        ({"open": "perhaps"}, "the table: row 1, column 'open': expected true or false"),
        ({"size": np.inf}, "the table: row 1, column 'size': expected a finite number"),
        (None, "the table: lacks 'city'"),
    ],
)
def test_what_training_had_not_is_refused_in_one_line(predictor, rows, change, line):
    table = rows.drop(columns="city") if change is None else rows.assign(**change)
    with pytest.raises(ValueError, match=f"^{line}[^\n]*$"):
        predictor.predict(table)


@pytest.mark.parametrize(
    "columns",
    [
        5,
        {"a": 1},
        ["a"],
        [{"name": "a"}],
        [{"name": "a", "kind": "odd", "note": "", "written": ""}],
    ],
)
def test_damaged_columns_are_refused_in_one_line(predictor, tmp_path, columns):
    predictor.save(tmp_path)
    path = tmp_path / "preprocess.json"
    stored = json.loads(path.read_text())
    stored["features"]["columns"] = columns
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="preprocess.json[^\n]*columns[^\n]*$"):
        Predictor.load(tmp_path, device="cpu")


def test_what_was_learned_in_memory_answers_files(folder, predictor, rows, tmp_path):
    frame = rows[["city", "open"]]
    table = TableFeatures.fit(frame)
    network = TableNetwork(table.num_numbers, table.cardinalities, 2).eval()
    plain = Scaling("none", table.in_features, (0.0,), (1.0,))
    found = replace(
        predictor, network=network, features=Features(table=table), scaling=plain, label_column=None
    )
    expected = found.predict_proba(frame)
    np.testing.assert_array_equal(found.predict_proba(str(folder / "shops.csv")), expected)
    with pytest.raises(ValueError, match="shops.csv: which column holds the labels"):
        found.evaluate(str(folder / "shops.csv"))
    assert found.read(str(folder / "shops.csv"), label_column="kind", labelled=True).notes
