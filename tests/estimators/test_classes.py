"""Labels of any type, and weights of classes."""

import numpy as np
import pytest

from qimlp import QiMLPClassifier
from tests.estimators.tables import QUICK, classes


def test_labels_of_any_type_come_back():
    X, y = classes(100)
    for names in (np.array(["low", "middle", "high"]), np.array([7, -1, 3]), np.array([3.0, 2, 1])):
        fitted = QiMLPClassifier(**QUICK, max_iter=40).fit(X, names[y])
        found = fitted.predict(X)
        assert found.dtype == names.dtype
        assert np.mean(found == names[y]) > 0.8
        assert fitted.classes_.tolist() == sorted(names.tolist())


def test_one_class_is_always_answered():
    X, _ = classes(10)
    fitted = QiMLPClassifier(**QUICK).fit(X, ["only"] * 10)
    assert fitted.predict(X).tolist() == ["only"] * 10
    assert fitted.predict_proba(X).tolist() == [[1.0]] * 10


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
    with pytest.raises(
        ValueError, match=r"expected weights of the classes \[0, 1, 2\], got one of 9"
    ):
        quick.set_params(class_weight={9: 1.0}).fit(X, y)
    with pytest.raises(ValueError, match=r"y: expected the classes \[0, 1, 2\], got 5"):
        QiMLPClassifier(**QUICK).fit(X, y, X_val=X, y_val=np.full(20, 5))
    with pytest.raises(ValueError, match="X_val and y_val: expected both"):
        QiMLPClassifier(**QUICK).fit(X, y, X_val=X)
