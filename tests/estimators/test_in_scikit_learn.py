"""The estimators among scikit-learn's tools: searches, pipelines, frames, weights, inspection."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qimlp.estimators import QiMLPClassifier, QiMLPRegressor

QUICK = {"max_iter": 25, "n_members": 2, "random_state": 0}


def numbers(rows=160, seed=0):
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    return x, x[:, 0] * 2 - x[:, 1]


def classes(rows=160, seed=0):
    x, y = numbers(rows, seed)
    return x, np.where(y > 0, "yes", "no")


def frame(rows=160, seed=0):
    """Numbers with gaps, and two columns of categories."""
    x, y = numbers(rows, seed)
    towns = np.array(["Ulm", "Ulm", "Bern", "Graz"])[
        np.random.default_rng(1).integers(4, size=rows)
    ]
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "town": pd.Categorical(towns)})
    table["yes"] = x[:, 2] > 0
    table.loc[::9, "b"] = np.nan
    return table, y + 3 * (towns == "Bern")


def test_search_with_two_jobs_finds_what_one_finds():
    x, y = numbers()
    grid = {"max_iter": [1, 25]}
    found = [
        GridSearchCV(QiMLPRegressor(**QUICK), grid, cv=2, n_jobs=jobs).fit(x, y) for jobs in (1, 2)
    ]
    assert found[0].best_params_["max_iter"] == 25
    assert found[0].best_score_ > 0.7
    for key in ("mean_test_score", "params"):
        assert list(found[0].cv_results_[key]) == list(found[1].cv_results_[key])
    np.testing.assert_array_equal(found[0].predict(x), found[1].predict(x))


def test_pipelines_hand_on_frames_and_parameters():
    table, y = frame()
    scale = make_column_transformer(
        (StandardScaler(), ["a", "b"]), remainder="passthrough", verbose_feature_names_out=False
    )
    model = make_pipeline(scale.set_output(transform="pandas"), QiMLPRegressor(**QUICK))
    model.set_params(qimlpregressor__max_iter=40).fit(table, y)
    assert list(model[-1].feature_names_in_) == ["a", "b", "town", "yes"]
    new, truth = frame(seed=5)
    assert model.score(new, truth) > 0.85


def test_pandas_and_polars_frames_get_the_same_answers():
    table, y = frame()
    same = pl.DataFrame({name: table[name].to_list() for name in table})
    same = same.with_columns(pl.col("town").cast(pl.Categorical))
    from_pandas = QiMLPRegressor(**QUICK).fit(table, y)
    from_polars = QiMLPRegressor(**QUICK).fit(same, pl.Series(y))
    expected = from_pandas.predict(table)
    np.testing.assert_array_equal(from_polars.predict(same), expected)
    np.testing.assert_array_equal(from_pandas.predict(same), expected)
    np.testing.assert_array_equal(from_polars.predict(table), expected)
    assert list(from_polars.feature_names_in_) == ["a", "b", "town", "yes"]


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_a_step_before_it_may_write_frames(container):
    table, y = frame()
    steps = StandardScaler().set_output(transform=container)
    numbers_alone = table[["a", "b"]]
    model = make_pipeline(steps, QiMLPRegressor(**QUICK)).fit(numbers_alone, y)
    assert list(model[-1].feature_names_in_) == ["a", "b"]
    assert model.predict(numbers_alone).shape == (160,)


def test_importance_by_permutation_finds_the_columns_that_matter():
    table, y = frame()
    model = QiMLPRegressor(**QUICK).fit(table, y)
    for jobs in (1, 2):
        found = permutation_importance(model, table, y, n_repeats=3, random_state=0, n_jobs=jobs)
        means = dict(zip(table, found.importances_mean, strict=True))
        assert means["a"] > means["town"] > 10 * abs(means["yes"])


def test_partial_dependence_rises_with_the_column():
    x, y = numbers()
    model = QiMLPRegressor(**QUICK).fit(x, y)
    found = partial_dependence(model, x, [0], grid_resolution=8)["average"][0]
    assert (np.diff(found) > 0).all()
    classifier = QiMLPClassifier(**QUICK).fit(*classes())
    found = partial_dependence(classifier, x, [1], grid_resolution=8)["average"][0]
    assert found[0] > found[-1] + 0.3


def test_weights_are_routed_to_fit_and_score():
    x, y = numbers()
    weight = np.random.default_rng(0).integers(0, 3, size=160).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        model = QiMLPRegressor(**QUICK).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        routed = cross_validate(
            model, x, y, cv=2, params={"sample_weight": weight}, return_estimator=True
        )
        for half, (score, fitted) in enumerate(
            zip(routed["test_score"], routed["estimator"], strict=True)
        ):
            part = np.arange(160) < 80
            test = part if half == 0 else ~part
            own = QiMLPRegressor(**QUICK).fit(x[~test], y[~test], sample_weight=weight[~test])
            np.testing.assert_array_equal(fitted.predict(x), own.predict(x))
            expected = r2_score(y[test], own.predict(x[test]), sample_weight=weight[test])
            assert score == pytest.approx(expected)


def test_copies_and_pickles_answer_the_same():
    table, y = frame()
    for model in (QiMLPRegressor(loss="quantile", **QUICK), QiMLPClassifier(**QUICK)):
        model.fit(table, y if isinstance(model, QiMLPRegressor) else y > 0)
        again = pickle.loads(pickle.dumps(model))  # noqa: S301 - its own
        np.testing.assert_array_equal(again.predict(table), model.predict(table))
        fresh = clone(model)
        assert fresh.get_params() == model.get_params()
        assert not hasattr(fresh, "network_")


def test_ensembles_of_scikit_learn_take_it():
    x, y = classes()
    parts = [("q", QiMLPClassifier(**QUICK)), ("l", LogisticRegression())]
    for model in (
        VotingClassifier(parts, voting="soft"),
        StackingClassifier(parts, cv=2),
        OneVsRestClassifier(QiMLPClassifier(**QUICK)),
        CalibratedClassifierCV(QiMLPClassifier(**QUICK), cv=2),
    ):
        assert model.fit(x, y).score(x, y) > 0.9
        assert list(model.classes_) == ["no", "yes"]
    bag = BaggingRegressor(QiMLPRegressor(**QUICK), n_estimators=2, random_state=0)
    assert bag.fit(*numbers()).score(*numbers(seed=3)) > 0.9


def test_targets_may_be_transformed_and_columns_selected():
    x, y = numbers()
    model = TransformedTargetRegressor(QiMLPRegressor(**QUICK), func=np.exp, inverse_func=np.log)
    with np.errstate(all="ignore"):
        model.fit(x, np.log1p(y - y.min()))
    assert model.predict(x).shape == (160,)
    chosen = SequentialFeatureSelector(QiMLPRegressor(**QUICK), n_features_to_select=2, cv=2)
    assert chosen.fit(x, y).get_support().tolist() == [True, True, False]


@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc", "average_precision", "accuracy"])
def test_scores_of_classification(scoring):
    x, y = classes()
    y = (y == "yes").astype(int)
    found = cross_val_score(QiMLPClassifier(**QUICK), x, y, cv=2, scoring=scoring)
    assert (found > (-0.4 if scoring == "neg_log_loss" else 0.85)).all()
