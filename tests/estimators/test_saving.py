import json
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from qimlp import Predictor, QiMLPClassifier, QiMLPRegressor
from tests.estimators.tables import QUICK, classes, numbers
from tests.estimators.test_tables import mixed


def test_a_saved_classifier_answers_as_before(tmp_path):
    X, y = mixed(80)
    options = {"class_weight": {"yes": 2.0}, "categorical_features": ("city",)}
    fitted = QiMLPClassifier(**QUICK, max_iter=2, **options).fit(X, y)
    fitted.save(tmp_path / "model")
    again = QiMLPClassifier.load(tmp_path / "model")
    assert again.get_params() == fitted.get_params()
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.loss_curve_ == fitted.loss_curve_
    assert again.feature_names_in_.tolist() == ["size", "city", "day"]
    assert not [path for path in (tmp_path / "model").iterdir() if path.suffix == ".pkl"]


def test_a_saved_regressor_answers_as_before(tmp_path):
    X, y = numbers(80)
    fitted = QiMLPRegressor(**QUICK, max_iter=2, loss="quantile").fit(X, y)
    fitted.save(tmp_path / "model")
    again = QiMLPRegressor.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_quantiles(X), fitted.predict_quantiles(X))


def test_a_classifier_of_one_class_comes_back(tmp_path):
    X, _ = numbers(20)
    QiMLPClassifier(**QUICK, max_iter=1).fit(X, ["only"] * 20).save(tmp_path / "model")
    assert set(QiMLPClassifier.load(tmp_path / "model").predict(X)) == {"only"}


def test_a_predictor_takes_the_folder_and_finds_columns_by_name(tmp_path):
    X, y = mixed(80)
    fitted = QiMLPClassifier(**QUICK, max_iter=2).fit(X, y)
    fitted.save(tmp_path / "model")
    predictor = Predictor.load(tmp_path / "model")
    other = X[["day", "size", "city"]].assign(more=1)
    np.testing.assert_allclose(predictor.predict_proba(other), fitted.predict_proba(X), atol=1e-5)


def test_a_folder_is_replaced_only_where_it_is_an_estimators(tmp_path):
    X, y = classes(30)
    fitted = QiMLPClassifier(**QUICK, max_iter=1).fit(X, y)
    fitted.save(tmp_path / "model")
    fitted.set_params(max_iter=2).fit(X, y).save(tmp_path / "model")
    assert QiMLPClassifier.load(tmp_path / "model").max_iter == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="holds no estimator"):
        fitted.save(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir() if path.name != "model"] == ["mine"]


def test_what_cannot_be_saved_leaves_nothing(tmp_path):
    X, y = classes(30)
    with pytest.raises(NotFittedError):
        QiMLPClassifier().save(tmp_path / "model")
    drawn = QiMLPClassifier(**QUICK | {"random_state": np.random.RandomState(0)}, max_iter=1)
    with pytest.raises(ValueError, match="random_state=.* of QiMLPClassifier cannot stand in a"):
        drawn.fit(X, y).save(tmp_path / "model")
    constant = QiMLPClassifier(**QUICK, max_iter=1).fit(np.ones((4, 2)), [0, 0, 1, 1])
    with pytest.raises(ValueError, match="nothing was learned"):
        constant.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_no_estimators_are_refused(tmp_path):
    X, y = classes(30)
    QiMLPClassifier(**QUICK, max_iter=1).fit(X, y).save(tmp_path / "model")
    with pytest.raises(FileNotFoundError, match="not found: expected an estimator"):
        QiMLPClassifier.load(tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="found no estimator.json"):
        QiMLPClassifier.load(tmp_path)
    with pytest.raises(ValueError, match="expected a QiMLPRegressor, got 'QiMLPClassifier'"):
        QiMLPRegressor.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": 3}, "kind"),
        ({"columns": 5}, "its files are not of one estimator"),
        ({"classes": [0, 1]}, "its files are not of one estimator"),
        ({"classes_dtype": "datetime64[s]"}, "classes_dtype"),
        (
            {"parameters": {"alpha": -1}},
            r"is damaged: The 'alpha' parameter of QiMLPClassifier must be",
        ),
        ({"parameters": {"beta": 1}}, "is damaged: .*beta"),
        ({"parameters": {"class_weight": {"rows": []}}}, "is damaged"),
        ({"classes": ["a", "b", "c"], "classes_dtype": "int64"}, "is damaged"),
        ({"more": 1}, "unknown key"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, change, words):
    X, y = classes(30)
    QiMLPClassifier(**QUICK, max_iter=1).fit(X, y).save(tmp_path / "model")
    file = tmp_path / "model" / "estimator.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ValueError, match=words) as caught:
        QiMLPClassifier.load(tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "model") in str(caught.value)


def test_pickles_and_clones():
    X, y = classes(60)
    fitted = QiMLPClassifier(**QUICK, max_iter=2).fit(X, y)
    content = pickle.dumps(fitted)
    again = pickle.loads(content)  # noqa: S301 - our own
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    weights = 4 * sum(value.numel() for value in fitted.network_.state_dict().values())
    assert len(content) < weights + 6000
    assert not hasattr(clone(fitted), "network_")
