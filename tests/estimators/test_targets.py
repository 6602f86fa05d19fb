"""Classes, several labels, weights of classes; losses, quantiles, several targets."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification

from qimlp import QiMLPClassifier, QiMLPRegressor
from tests.estimators.tables import QUICK, classes, numbers


def test_labels_of_any_type_come_back():
    X, y = classes(100)
    for names in (np.array(["low", "middle", "high"]), np.array([7, -1, 3]), np.array([3.0, 2, 1])):
        fitted = QiMLPClassifier(**QUICK, max_iter=10).fit(X, names[y])
        found = fitted.predict(X)
        assert found.dtype == names.dtype
        assert np.mean(found == names[y]) > 0.8
        assert fitted.classes_.tolist() == sorted(names.tolist())


def test_one_class_is_always_answered():
    X, _ = classes(10)
    fitted = QiMLPClassifier(**QUICK).fit(X, ["only"] * 10)
    assert fitted.predict(X).tolist() == ["only"] * 10
    assert fitted.predict_proba(X).tolist() == [[1.0]] * 10


def test_several_labels():
    X, y = make_multilabel_classification(400, 8, n_classes=3, n_labels=1, random_state=0)
    fitted = QiMLPClassifier(random_state=0).fit(X[:300], y[:300])
    found = fitted.predict(X[300:])
    np.testing.assert_array_equal(found, fitted.predict_proba(X[300:]) > 0.5)
    assert np.mean(found == y[300:]) > 0.8


def test_balanced_classes_weigh_the_same_in_total():
    X, y = classes(300)
    keep = (y != 2) | (np.cumsum(y == 2) <= 6)
    X, y = X[keep], y[keep]
    X_test, y_test = classes(500, seed=1)
    quick = QiMLPClassifier(**QUICK, max_iter=10)
    plain = quick.fit(X, y).predict(X_test)
    balanced = quick.set_params(class_weight="balanced").fit(X, y).predict_proba(X_test)
    counts = np.bincount(y)
    by_hand = quick.set_params(class_weight=dict(enumerate(len(y) / (3 * counts)))).fit(X, y)
    np.testing.assert_allclose(by_hand.predict_proba(X_test), balanced)
    rare = y_test == 2
    assert np.mean(balanced.argmax(axis=1)[rare] == 2) > np.mean(plain[rare] == 2)


def test_targets_that_a_classifier_cannot_learn_are_refused():
    X, y = classes(20)
    quick = QiMLPClassifier(**QUICK)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        quick.fit(X, X[:, 0])
    with pytest.raises(ValueError, match="y: expected one column of classes, or several"):
        quick.fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match=r"not in class_weight: expected only these, got \[9\]"):
        quick.set_params(class_weight={9: 1.0}).fit(X, y)
    with pytest.raises(ValueError, match=r"y: expected the classes \[0, 1, 2\], got 5"):
        QiMLPClassifier(**QUICK).fit(X, y, X_val=X, y_val=np.full(20, 5))
    with pytest.raises(ValueError, match="X_val and y_val: expected both"):
        QiMLPClassifier(**QUICK).fit(X, y, X_val=X)


def test_several_targets_each_in_its_unit():
    X, y = numbers(300, noise=0.0)
    both = np.column_stack([y, 1e6 - 1e3 * y])
    fitted = QiMLPRegressor(random_state=0).fit(X, both)
    found = fitted.predict(X)
    assert found.shape == (300, 2)
    np.testing.assert_allclose(found[:, 1], 1e6 - 1e3 * found[:, 0], atol=300)
    assert fitted.score(X, both) > 0.99


def test_huber_is_swayed_less_by_wild_targets():
    X, y = numbers(300)
    wild = y.copy()
    wild[::20] += 200
    truth = numbers(300, noise=0.0, seed=1)
    errors = {}
    for loss in ("squared_error", "huber"):
        fitted = QiMLPRegressor(loss=loss, random_state=0).fit(X, wild)
        errors[loss] = np.abs(fitted.predict(truth[0]) - truth[1]).mean()
    assert errors["huber"] < errors["squared_error"] / 2


def test_quantiles_cover_what_they_say_and_do_not_cross():
    X, y = numbers(2000, noise=0.5)
    X_test, y_test = numbers(2000, noise=0.5, seed=1)
    fitted = QiMLPRegressor(loss="quantile", quantiles=(0.1, 0.5, 0.9), random_state=0).fit(X, y)
    low, middle, high = fitted.predict_quantiles(X_test).T
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert np.mean((low <= y_test) & (y_test <= high)) == pytest.approx(0.8, abs=0.06)
    np.testing.assert_array_equal(fitted.predict(X_test), middle)


def test_quantiles_need_their_loss():
    X, y = numbers(30)
    fitted = QiMLPRegressor(**QUICK, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="fitted with loss='quantile', got loss='squared_error'"):
        fitted.predict_quantiles(X)
    several = QiMLPRegressor(**QUICK, max_iter=1, loss="quantile").fit(X, np.column_stack([y, y]))
    assert several.predict_quantiles(X).shape == (30, 2, 3)
