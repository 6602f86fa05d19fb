"""Rows with several labels each."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import ClassifierChain

from qimlp.estimators import QiMLPClassifier
from qimlp.predictor import Predictor


def draw(rows, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 4))
    scores = np.column_stack([x[:, 0] + x[:, 1], x[:, 0] * x[:, 2], x[:, 3] - 1, np.full(rows, -9)])
    return x, (scores > 0).astype(int)


@pytest.fixture(scope="module")
def fitted():
    return QiMLPClassifier(random_state=0).fit(*draw(700, seed=0))


def test_labels_of_new_rows_are_found(fitted):
    x, y = draw(1000, seed=1)
    said = fitted.predict(x)
    assert said.dtype.kind == "i"
    assert said.shape == (1000, 4)
    assert f1_score(y, said, average="micro") > 0.9
    assert fitted.score(x, y) == accuracy_score(y, said) > 0.8
    assert said[:, 3].max() == 0


def test_probabilities_are_of_each_label(fitted):
    x, y = draw(1000, seed=1)
    found = fitted.predict_proba(x)
    assert found.shape == (1000, 4)
    np.testing.assert_array_equal(found > 0.5, fitted.predict(x))
    assert all(log_loss(y[:, i], found[:, i], labels=[0, 1]) < 0.3 for i in range(4))
    np.testing.assert_allclose(fitted.predict_log_proba(x), np.log(found))


def test_labels_may_be_sparse_and_boolean():
    x, y = draw(100, seed=0)
    expected = QiMLPClassifier(max_iter=3, random_state=0).fit(x, y).predict_proba(x)
    for same in (csr_matrix(y), y.astype(bool), y.astype(float)):
        again = QiMLPClassifier(max_iter=3, random_state=0).fit(x, same)
        np.testing.assert_array_equal(again.predict_proba(x), expected)


def test_validation_and_search_by_metrics_of_labels():
    x, y = draw(200, seed=3)
    model = QiMLPClassifier(early_stopping=True, max_iter=3, random_state=0).fit(x, y)
    assert len(model.validation_scores_) == 3
    assert all(0 <= score <= 1 for score in model.validation_scores_)
    for scoring in ("f1_macro", "f1_micro", "average_precision"):
        search = GridSearchCV(
            QiMLPClassifier(random_state=0), {"max_iter": [1, 20]}, cv=2, scoring=scoring
        )
        search.fit(x, y[:, :3])
        assert search.best_params_ == {"max_iter": 20}


def test_probabilities_come_through_cross_validation():
    x, y = draw(120, seed=4)
    model = QiMLPClassifier(max_iter=60, random_state=0)
    found = cross_val_predict(model, x, y[:, :3], cv=2, method="predict_proba")
    assert found.shape == (120, 3)
    assert (cross_val_score(model, x, y[:, :3], cv=2, scoring="roc_auc") > 0.7).all()


def test_a_chain_of_labels_works_with_it():
    x, y = draw(150, seed=5)
    chain = ClassifierChain(QiMLPClassifier(max_iter=10, random_state=0)).fit(x, y[:, :2])
    assert f1_score(y[:, :2], chain.predict(x), average="micro") > 0.8


def test_weights_count_as_repetition_in_any_order():
    x, y = draw(60, seed=6)
    times = np.random.default_rng(0).integers(0, 4, size=60)
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(60), times))
    model = QiMLPClassifier(max_iter=5, random_state=0)
    weighted = model.fit(x, y, sample_weight=times).predict_proba(x)
    np.testing.assert_array_equal(model.fit(x[rows], y[rows]).predict_proba(x), weighted)


def test_labels_come_back_from_a_folder_and_from_its_predictions(tmp_path):
    x, y = draw(60, seed=7)
    model = QiMLPClassifier(max_iter=3, random_state=0).fit(x, y)
    model.save(tmp_path / "model")
    again = QiMLPClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    np.testing.assert_array_equal(again.classes_, model.classes_)
    predictor = Predictor.load(tmp_path / "model", device="cpu")
    np.testing.assert_allclose(predictor.predict_proba(x), model.predict_proba(x), atol=1e-5)


def test_weights_of_classes_are_refused():
    x, y = draw(30, seed=0)
    with pytest.raises(ValueError, match="class_weight: expected None where a row may have"):
        QiMLPClassifier(class_weight="balanced").fit(x, y)


def test_columns_of_classes_are_refused():
    x, y = draw(30, seed=0)
    with pytest.raises(ValueError, match=r"(?i)multioutput|several columns of classes"):
        QiMLPClassifier().fit(x, y + (np.arange(30) % 3)[:, None])
