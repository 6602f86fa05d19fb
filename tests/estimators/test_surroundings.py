"""Threads, workers, and what is shown."""

import threading
import warnings

import joblib
import numpy as np
import pytest
import torch
from sklearn.model_selection import cross_val_score

from qimlp import QiMLPClassifier, QiMLPRegressor
from tests.estimators.tables import QUICK, classes


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_several_workers_find_what_one_finds(backend):
    X, y = classes(90)
    quick = QiMLPClassifier(**QUICK, max_iter=3)
    expected = cross_val_score(quick, X, y, cv=3)
    with joblib.parallel_config(backend):
        found = cross_val_score(quick, X, y, cv=3, n_jobs=2)
    np.testing.assert_array_equal(found, expected)


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
