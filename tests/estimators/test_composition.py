"""Estimators inside what scikit-learn makes of them."""

import threading
import warnings

import joblib
import numpy as np
import pytest
import sklearn
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qimlp import QiMLPClassifier, QiMLPRegressor
from tests.estimators.tables import QUICK, classes, numbers


def test_a_search_over_a_pipeline():
    X, y = classes(90)
    pipeline = make_pipeline(StandardScaler(), QiMLPClassifier(**QUICK))
    search = GridSearchCV(pipeline, {"qimlpclassifier__max_iter": [1, 15]}, cv=2).fit(X, y)
    assert search.best_params_ == {"qimlpclassifier__max_iter": 15}
    assert search.best_score_ > 0.75


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_several_workers_find_what_one_finds(backend):
    X, y = classes(90)
    quick = QiMLPClassifier(**QUICK, max_iter=3)
    expected = cross_val_score(quick, X, y, cv=3)
    with joblib.parallel_config(backend):
        found = cross_val_score(quick, X, y, cv=3, n_jobs=2)
    np.testing.assert_array_equal(found, expected)


def test_metadata_is_routed():
    X, y = classes(120)
    weights = np.where(y == 0, 1.0, 0.0)
    with sklearn.config_context(enable_metadata_routing=True):
        asked = QiMLPClassifier(**QUICK, max_iter=1).set_fit_request(sample_weight=True)
        asked.set_score_request(sample_weight=False)
        found = cross_validate(
            asked, X, y, cv=3, params={"sample_weight": weights}, return_estimator=True
        )
    assert [model.classes_.tolist() for model in found["estimator"]] == [[0]] * 3


def test_the_columns_that_matter_are_found():
    X, y = classes(300)
    fitted = QiMLPClassifier(**QUICK, max_iter=20).fit(X, y)
    found = permutation_importance(fitted, X, y, n_repeats=3, random_state=0).importances_mean
    assert min(found[:2]) > 10 * max(found[2:].max(), 0.005)


def test_bagging_and_transformed_targets():
    X, y = classes(90)
    bag = BaggingClassifier(QiMLPClassifier(**QUICK, max_iter=8), 3, random_state=0).fit(X, y)
    assert bag.score(X, y) > 0.7
    X, y = numbers(200)
    logarithmic = TransformedTargetRegressor(
        QiMLPRegressor(**QUICK, max_iter=30), func=np.log, inverse_func=np.exp
    )
    assert logarithmic.fit(X, y).score(X, y) > 0.8


def test_threads_are_those_that_were_asked_for_and_are_given_back(monkeypatch):
    X, y = classes(60)
    asked = []
    set_threads = torch.set_num_threads
    monkeypatch.setattr(torch, "set_num_threads", lambda n: (asked.append(n), set_threads(n)))
    set_threads(2)
    try:
        QiMLPClassifier(**QUICK, max_iter=1, n_threads=3).fit(X, y)
        assert asked == [3, 2]
        asked.clear()
        QiMLPClassifier(**QUICK, max_iter=1).fit(X, y)
        assert asked == [1, 2]  # a small table takes one
        asked.clear()
        wide = np.random.default_rng(0).normal(size=(600, 600))
        several = QiMLPClassifier(**QUICK, max_iter=1, batch_size=600)
        several.fit(wide, wide[:, 0] > 0)
        assert asked == []
        worker = threading.Thread(target=several.fit, args=(wide, wide[:, 0] > 0))
        worker.start()
        worker.join()
        assert asked[0] == 1
        assert len(asked) == 2
    finally:
        set_threads(1)


def test_a_bar_is_shown_to_whoever_asks(capfd):
    X, y = classes(60)
    QiMLPClassifier(**QUICK, max_iter=2).fit(X, y)
    assert capfd.readouterr() == ("", "")
    QiMLPClassifier(**QUICK, max_iter=2, verbose=True).fit(X, y)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "100%" in shown.err
    assert "loss" in shown.err


def test_it_is_shown_as_a_diagram():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = QiMLPRegressor(max_iter=3)._repr_html_()
    assert "QiMLPRegressor" in page
    assert "max_iter" in page
