"""Estimators and predictors that were saved without a run, from the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from qimlp import QiMLPClassifier, QiMLPRegressor


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"size": random.normal(size=80), "town": random.choice(["Ulm", "Bern"], 80)}
    )
    return rows, 3 * rows["size"] + (rows["town"] == "Ulm")


def test_intervals_of_an_estimator(qimlp, table, tmp_path):
    rows, price = table
    model = QiMLPRegressor(loss="quantile", quantiles=(0.1, 0.5, 0.9), max_iter=20, random_state=0)
    model.fit(rows, price.rename("price")).save(tmp_path / "model")
    rows[["town", "size"]].iloc[:9].to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "answers.csv"
    done = qimlp("predict", tmp_path / "model", tmp_path / "new.csv", "--out", out)
    assert done.code == 0, done.err
    written = pd.read_csv(out)
    assert list(written)[1:] == ["price q0.1", "price q0.5", "price q0.9"]
    expected = model.predict_quantiles(rows.iloc[:9])
    np.testing.assert_allclose(written.to_numpy()[:, 1:], expected, rtol=1e-3, atol=1e-3)
    rows.assign(price=price).to_csv(tmp_path / "known.csv", index=False)
    done = qimlp("eval", tmp_path / "model", tmp_path / "known.csv", "--json")
    assert done.code == 0, done.err
    found = model.predict_quantiles(rows)
    inside = (found[:, 0] <= price) & (price <= found[:, 2])
    assert json.loads(done.out)["coverage"] == pytest.approx(inside.mean(), abs=0.02)


def test_several_labels_of_an_estimator(qimlp, table, tmp_path):
    rows, price = table
    labels = pd.DataFrame({"dear": price > 0, "near": rows["town"] == "Ulm"}).astype(int)
    model = QiMLPClassifier(max_iter=5, random_state=0).fit(rows, labels)
    model.save(tmp_path / "model")
    rows.to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "answers.csv"
    done = qimlp("predict", tmp_path / "model", tmp_path / "new.csv", "--out", out)
    assert done.code == 0, done.err
    written = pd.read_csv(out)
    assert list(written)[1:] == ["dear", "dear probability", "near", "near probability"]
    np.testing.assert_array_equal(written[["dear", "near"]], model.predict(rows))
    rows.assign(near=labels["near"], dear=labels["dear"]).to_csv(
        tmp_path / "known.csv", index=False
    )
    done = qimlp("eval", tmp_path / "model", tmp_path / "known.csv", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["subset_accuracy"] == model.score(rows, labels)


def test_a_saved_model_has_no_data_of_its_own(qimlp, table, tmp_path):
    rows, price = table
    QiMLPRegressor(max_iter=1, random_state=0).fit(rows, price).save(tmp_path / "model")
    done = qimlp("eval", tmp_path / "model")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "is a saved model, which has no data of its own" in done.err
    (tmp_path / "empty").mkdir()
    done = qimlp("predict", tmp_path / "empty", "x.csv")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "empty is no run folder" in done.err
