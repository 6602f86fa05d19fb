"""Quantiles and Huber's loss of the regressor, measured on rows that were not learned from."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_pinball_loss, r2_score

from qimlp.estimators import QiMLPRegressor
from qimlp.predictor import Predictor

LEVELS = (0.05, 0.5, 0.95)
NORMAL = np.array([-1.6448536269514722, 0.0, 1.6448536269514722])


def noisy(rows, seed):
    """Rows, the mean of their target, its standard deviation, and the target."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 3))
    mean, deviation = 2 * np.sin(x[:, 0]) + x[:, 1], 0.2 + 0.3 * np.exp(x[:, 2])
    return x, mean, deviation, mean + deviation * random.normal(size=rows)


@pytest.fixture(scope="module")
def intervals():
    x, _, _, y = noisy(1200, seed=0)
    return QiMLPRegressor(loss="quantile", quantiles=LEVELS, random_state=0).fit(x, y)


def test_intervals_cover_what_they_say_on_held_out_rows(intervals):
    x, _, _, y = noisy(4000, seed=1)
    found = intervals.predict_quantiles(x)
    assert found.shape == (4000, 3)
    assert (y[:, None] <= found).mean(axis=0) == pytest.approx(LEVELS, abs=0.04)
    assert ((found[:, 0] <= y) & (y <= found[:, 2])).mean() == pytest.approx(0.9, abs=0.04)


def test_intervals_are_wide_where_the_noise_is_and_near_the_true_quantiles(intervals):
    x, mean, deviation, y = noisy(4000, seed=1)
    found = intervals.predict_quantiles(x)
    assert np.corrcoef(found[:, 2] - found[:, 0], deviation)[0, 1] > 0.9
    true = mean[:, None] + deviation[:, None] * NORMAL
    for place, level in enumerate(LEVELS):
        best = mean_pinball_loss(y, true[:, place], alpha=level)
        assert mean_pinball_loss(y, found[:, place], alpha=level) < 1.1 * best
    assert r2_score(mean, intervals.predict(x)) > 0.97


def test_quantiles_never_cross_and_the_middle_one_is_the_prediction(intervals):
    x = noisy(2000, seed=2)[0]
    for scale in (1.0, 30.0, 1e6):
        found = intervals.predict_quantiles(scale * x)
        assert (np.diff(found, axis=1) >= 0).all()
        np.testing.assert_array_equal(intervals.predict(scale * x), found[:, 1])


def test_a_validation_part_makes_intervals_cover_what_training_rows_say_nothing_of():
    """Of more noise, for one: the training targets have a quarter of what is to come."""
    covered = {"without": [], "with": []}
    for seed in range(3):
        x, _, _, y = noisy(90, seed=20 + seed)
        more, mean, _, known = noisy(60, seed=40 + seed)
        parts = {"without": {}, "with": {"X_val": more, "y_val": mean + 4 * (known - mean)}}
        new, mean, _, truth = noisy(1000, seed=30 + seed)
        truth = mean + 4 * (truth - mean)
        for name, part in parts.items():
            model = QiMLPRegressor(loss="quantile", n_members=2, max_iter=40, random_state=seed)
            found = model.fit(x, y, **part).predict_quantiles(new)
            assert (np.diff(found, axis=1) >= 0).all()
            covered[name].append(((found[:, 0] <= truth) & (truth <= found[:, 2])).mean())
    assert np.mean(covered["without"]) < 0.75
    assert 0.87 < np.mean(covered["with"]) < 0.98


def test_calibrated_intervals_come_back_from_a_folder(tmp_path):
    x, _, _, y = noisy(80, seed=0)
    model = QiMLPRegressor(loss="quantile", early_stopping=True, max_iter=3, random_state=0)
    expected = model.fit(x, y).predict_quantiles(x)
    assert model.task_.margins
    model.save(tmp_path / "model")
    again = QiMLPRegressor.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_quantiles(x), expected)
    predictor = Predictor.load(tmp_path / "model", device="cpu")
    np.testing.assert_allclose(predictor.predict(x), expected[:, 1], rtol=1e-4, atol=1e-4)


def test_many_levels_of_several_targets():
    x, mean, _, y = noisy(300, seed=3)
    levels = (0.1, 0.3, 0.4, 0.8, 0.9)
    two = np.column_stack([y, 1e6 - 1e3 * mean])
    model = QiMLPRegressor(loss="quantile", quantiles=levels, max_iter=40, random_state=0)
    model.fit(x, two)
    found = model.predict_quantiles(x)
    assert found.shape == (300, 2, 5)
    assert (np.diff(found, axis=2) >= 0).all()
    np.testing.assert_array_equal(model.predict(x), found[:, :, 2])
    assert r2_score(two[:, 1], found[:, 1, 2]) > 0.8
    shares = (two[:, :, None] <= found).mean(axis=0)
    assert shares[0] == pytest.approx(levels, abs=0.15)


def test_huber_is_not_swayed_by_outliers():
    x, mean, _, _ = noisy(500, seed=4)
    random = np.random.default_rng(5)
    y = mean + 0.1 * random.normal(size=500)
    y[::20] += 60 * random.normal(size=25)
    new, truth, _, _ = noisy(1000, seed=6)
    scores = {
        loss: r2_score(truth, QiMLPRegressor(loss=loss, random_state=0).fit(x, y).predict(new))
        for loss in ("squared_error", "huber")
    }
    assert scores["huber"] > 0.97
    assert scores["squared_error"] < 0.8


@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile"])
def test_weights_count_as_repetition_in_any_order(loss):
    x, _, _, y = noisy(60, seed=8)
    times = np.random.default_rng(0).integers(0, 4, size=60)
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(60), times))
    new = noisy(50, seed=9)[0]
    model = QiMLPRegressor(loss=loss, max_iter=5, random_state=0)
    weighted = model.fit(x, y, sample_weight=times).predict(new)
    np.testing.assert_array_equal(model.fit(x[rows], y[rows]).predict(new), weighted)


def test_quantiles_are_asked_of_the_quantile_loss_alone():
    x, _, _, y = noisy(40, seed=0)
    model = QiMLPRegressor(max_iter=1, random_state=0).fit(x, y)
    with pytest.raises(ValueError, match="expected an estimator fitted with loss='quantile'"):
        model.predict_quantiles(x)


@pytest.mark.parametrize("levels", [(0.5, 0.1), (0.0, 0.5), (), 0.5, "half", (0.5, 0.5)])
def test_levels_that_do_not_rise_are_refused(levels):
    x, _, _, y = noisy(40, seed=0)
    with pytest.raises(ValueError, match="'quantiles' parameter of QiMLPRegressor must be rising"):
        QiMLPRegressor(loss="quantile", quantiles=levels).fit(x, y)


def test_several_targets_are_learned_together():
    x, mean, _, _ = noisy(500, seed=7)
    two = np.column_stack([mean, 1e9 + 1e3 * x[:, 2]])
    model = QiMLPRegressor(random_state=0).fit(x[:400], two[:400])
    found = model.predict(x[400:])
    assert found.shape == (100, 2)
    assert r2_score(two[400:], found, multioutput="raw_values") == pytest.approx([1, 1], abs=0.05)
    assert model.score(x[400:], two[400:]) == r2_score(two[400:], found)


def test_targets_keep_their_names():
    x, mean, _, y = noisy(20, seed=0)
    one, two = QiMLPRegressor(max_iter=1), QiMLPRegressor(max_iter=1, loss="quantile")
    named = pd.DataFrame({"price": y, "mean": mean})
    assert one.fit(x, named["price"]).task_.target_names == ("price",)
    assert two.fit(x, named).task_.target_names == ("price", "mean")
    assert two.fit(x, named.to_numpy()).task_.target_names == ("y0", "y1")
    assert one.fit(x, y.tolist()).task_.target_names == ("y",)
    assert one.fit(x, pd.Series(y)).task_.target_names == ("y",)
