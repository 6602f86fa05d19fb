"""What a table may be, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from qimlp import QiMLPClassifier, QiMLPRegressor
from tests.estimators.tables import QUICK, classes


def mixed(rows=200, seed=0):
    """Numbers with gaps, a category and a date; the category decides, but for one value."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": random.normal(size=rows),
            "city": random.choice(["Oslo", "Rome", "Bonn"], rows),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 90, rows), "D"),
        }
    )
    y = np.where(frame["city"] == "Rome", frame["size"] > 0, frame["city"] == "Oslo")
    frame.loc[::17, "size"] = np.nan
    return frame, np.where(y, "yes", "no")


def test_a_data_frame_with_categories_dates_and_gaps_is_learned():
    X, y = mixed()
    fitted = QiMLPClassifier(random_state=0).fit(X, y)
    X_test, y_test = mixed(seed=1)
    assert fitted.score(X_test, y_test) > 0.9
    assert fitted.feature_names_in_.tolist() == ["size", "city", "day"]
    assert fitted.features_.cardinalities == (3,)


def test_polars_and_pandas_frames_are_answered_alike():
    X, y = mixed(60)
    other = pl.DataFrame({name: X[name].tolist() for name in X})
    quick = QiMLPClassifier(**QUICK, max_iter=2)
    expected = quick.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(quick.predict_proba(other), expected)
    np.testing.assert_allclose(quick.fit(other, y).predict_proba(other), expected)


def test_frames_of_numbers_are_those_of_their_array():
    X, y = classes(100)
    frame = pd.DataFrame(X, columns=list("abcd"))
    quick = QiMLPClassifier(**QUICK, max_iter=2)
    expected = quick.fit(X, y).predict_proba(X)
    for table in (frame, pl.from_pandas(frame), frame.astype("Float64")):
        np.testing.assert_array_equal(quick.fit(table, y).predict_proba(table), expected)
        assert quick.features_.names == ("a", "b", "c", "d")


def test_sparse_matrices_are_those_of_their_array():
    X, y = classes(100)
    X[np.abs(X) < 0.7] = 0
    quick = QiMLPClassifier(**QUICK, max_iter=2)
    expected = quick.fit(X, y).predict_proba(X)
    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array):
        np.testing.assert_array_equal(quick.fit(kind(X), y).predict_proba(kind(X)), expected)


def test_categories_by_place_name_or_truth_value():
    random = np.random.default_rng(0)
    X = np.column_stack([random.integers(0, 5, 200), random.normal(size=200)])
    y = np.isin(X[:, 0], [1, 3])
    frame = pd.DataFrame(X, columns=["kind", "size"])
    quick = QiMLPClassifier(**QUICK, max_iter=20)
    answers = []
    for table, chosen in ((X, [0]), (X, [True, False]), (frame, ["kind"])):
        quick.set_params(categorical_features=chosen).fit(table, y)
        assert quick.features_.cardinalities == (5,)
        answers.append(quick.predict_proba(table))
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])
    with pytest.raises(ValueError, match="categorical_features: X has no column 'sort'"):
        quick.set_params(categorical_features=["sort"]).fit(frame, y)
    assert quick.set_params(categorical_features=None).fit(frame, y).features_.cardinalities == ()


def test_unseen_categories_and_missing_values_are_answered():
    X, y = mixed(100)
    fitted = QiMLPClassifier(**QUICK, max_iter=2).fit(X, y)
    other = X.head(3).assign(size=np.nan, city=["Rom", None, "Oslo"])
    np.testing.assert_allclose(fitted.predict_proba(other).sum(axis=1), 1)


def test_constant_columns_leave_a_constant_answer():
    X = np.ones((20, 3))
    fitted = QiMLPClassifier(random_state=0).fit(X, [0] * 15 + [1] * 5)
    np.testing.assert_allclose(fitted.predict_proba(X[:1]), [[0.75, 0.25]], atol=0.03)
    assert (
        QiMLPRegressor(random_state=0).fit(X, np.full(20, 3.5)).predict(X[:2]).tolist()
        == [pytest.approx(3.5, abs=1e-3)] * 2
    )


BAD = {
    "infinity": (np.array([[1.0, np.inf], [2.0, 3.0]]), "Input X contains infinity"),
    "lists": (pd.DataFrame({"a": [[1], [2]], "b": [1, 2]}), "column 'a'"),
    "infinity in a frame": (
        pd.DataFrame({"a": ["x", "y"], "b": [1, np.inf]}),
        "column 'b': expected finite",
    ),
    "texts in an array": (np.array([["x", "y"], ["z", "u"]], dtype=object), "could not convert"),
    "no rows": (pd.DataFrame({"a": pd.Series([], dtype=str)}), "0 sample"),
    "one dimension": (np.ones(2), "Expected 2D array, got 1D array instead"),
    "ragged rows": ([[1, 2], [3]], "inhomogeneous|sequence"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_tables_are_refused_in_one_line(what):
    table, words = BAD[what]
    with pytest.raises((ValueError, TypeError), match=words):
        QiMLPClassifier(**QUICK).fit(table, [0, 1] if len(table) else [])
