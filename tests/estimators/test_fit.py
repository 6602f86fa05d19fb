import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from qimlp import QiMLPClassifier, QiMLPRegressor
from qimlp.training import NonFiniteLossError
from tests.estimators.tables import QUICK, classes, numbers


def test_a_real_table_is_learned():
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
    fitted = QiMLPClassifier(random_state=0).fit(X, y)
    assert fitted.score(X_test, y_test) > 0.95
    assert fitted.loss_curve_[-1] < 0.1 < fitted.loss_curve_[0]


def test_a_smooth_function_is_learned_to_its_noise():
    X, y = numbers(noise=0.05)
    X_test, y_test = numbers(noise=0.0, seed=1)
    fitted = QiMLPRegressor(random_state=0).fit(X, y)
    assert fitted.score(X_test, y_test) > 0.98


@pytest.mark.parametrize("estimator", [QiMLPClassifier, QiMLPRegressor])
def test_the_order_of_rows_and_their_repetition_do_not_matter(estimator):
    X, y = classes(60) if estimator is QiMLPClassifier else numbers(60)
    random = np.random.default_rng(0)
    weights = random.integers(0, 4, len(X))
    repeated = random.permutation(np.repeat(np.arange(len(X)), weights))
    quick = estimator(**QUICK, max_iter=5)
    by_weight = clone(quick).fit(X, y, sample_weight=weights)
    by_rows = clone(quick).fit(X[repeated], y[repeated])
    answers = "predict_proba" if estimator is QiMLPClassifier else "predict"
    expected = getattr(by_rows, answers)(X)
    np.testing.assert_array_equal(getattr(by_weight, answers)(X), expected)
    unweighted = clone(quick).fit(X, y)
    assert not np.array_equal(getattr(unweighted, answers)(X), expected)


def test_a_seed_fixes_the_fit_and_the_global_generators_go_on():
    X, y = classes()
    quick = QiMLPClassifier(**QUICK, max_iter=3)
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the generator that must be left alone
    drawn = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    first = clone(quick).fit(X, y).predict_proba(X)
    assert (torch.rand(1), np.random.rand()) == drawn  # noqa: NPY002
    np.testing.assert_array_equal(clone(quick).fit(X, y).predict_proba(X), first)
    other = clone(quick).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(other.predict_proba(X), first)


def test_iterations_are_passes_where_max_iter_says_how_many():
    X, y = classes(100)
    fitted = QiMLPClassifier(**QUICK, max_iter=7).fit(X, y)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 7
    assert fitted.validation_scores_ == []


def test_the_best_iteration_is_kept_and_training_ends_early():
    X, y = classes(400)
    X_val, y_val = classes(200, seed=1)
    options = {**QUICK, "max_iter": 60, "n_iter_no_change": 3, "tol": 0.0}
    fitted = QiMLPClassifier(**options, early_stopping=True).fit(X, y, X_val=X_val, y_val=y_val)
    assert fitted.n_iter_ == len(fitted.validation_scores_) < 60
    assert fitted.score(X_val, y_val) == pytest.approx(max(fitted.validation_scores_))
    assert max(fitted.validation_scores_[-3:]) <= max(fitted.validation_scores_[:-3])


def test_early_stopping_sets_a_part_of_the_rows_aside():
    X, y = classes(400)
    fitted = QiMLPClassifier(**QUICK, early_stopping=True, max_iter=4).fit(X, y)
    correct = np.array(fitted.validation_scores_) * 40
    np.testing.assert_allclose(correct, correct.round(), atol=1e-9)


@pytest.mark.parametrize("scoring", ["loss", "neg_log_loss", "balanced_accuracy"])
def test_the_score_of_the_validation_part_can_be_chosen(scoring):
    X, y = classes(200)
    X_val, y_val = classes(200, seed=1)
    fitted = QiMLPClassifier(**QUICK, max_iter=5, scoring=scoring).fit(
        X, y, X_val=X_val, y_val=y_val
    )
    assert len(fitted.validation_scores_) == 5
    if scoring != "balanced_accuracy":
        chosen = np.log(fitted.predict_proba(X_val))[np.arange(200), y_val].mean()
        assert chosen == pytest.approx(max(fitted.validation_scores_), abs=1e-5)


def test_warm_start_goes_on_from_the_network():
    X, y = classes(200)
    quick = QiMLPClassifier(**QUICK, max_iter=10, warm_start=True).fit(X, y)
    before = quick.loss_curve_
    again = quick.fit(X, y).loss_curve_
    assert again[0] < 0.7 * before[0]


def test_partial_fit_learns_from_parts_with_the_preprocessing_of_the_first():
    X, y = classes(600)
    model = QiMLPClassifier(**QUICK)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X[:200], y[:200], classes=[0, 1, 2])
    features = model.features_
    for _ in range(10):
        for part in (slice(200, 400), slice(400, 600)):
            model.partial_fit(X[part], y[part])
    assert model.features_ is features
    assert model.n_iter_ == len(model.loss_curve_) == 21
    assert model.score(*classes(300, seed=2)) > 0.9
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        QiMLPClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])


def test_partial_fit_goes_on_from_a_fit_and_from_a_folder(tmp_path):
    X, y = numbers(200)
    model = QiMLPRegressor(**QUICK, max_iter=20).fit(X, y)
    before = model.loss_curve_[-1]
    model.save(tmp_path / "model")
    for going_on in (model, QiMLPRegressor.load(tmp_path / "model")):
        for _ in range(3):
            going_on.partial_fit(X, y)
        assert going_on.n_iter_ == len(going_on.loss_curve_) == 23
        assert max(going_on.loss_curve_[20:]) < 2 * before
    model.set_params(n_members=1).fit(X, y)  # a network of another size
    assert model.partial_fit(X, y).n_iter_ == 21


def test_a_fit_that_diverges_says_what_to_do():
    X, y = numbers(60)
    with pytest.raises(NonFiniteLossError, match="expected a lower learning_rate_init than 1e"):
        QiMLPRegressor(**QUICK, learning_rate_init=1e18).fit(X, y)
