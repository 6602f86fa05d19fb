"""Data that cannot be learned from or answered: one line, in scikit-learn's words if it has any."""

import numpy as np
import pandas as pd
import pytest

from qimlp.estimators import QiMLPClassifier, QiMLPRegressor

X = np.random.default_rng(0).normal(size=(30, 3))
NUMBERS = X[:, 0] * 2
CLASSES = np.where(X[:, 0] > 0, "yes", "no")
BOTH = [(QiMLPRegressor, NUMBERS), (QiMLPClassifier, CLASSES)]


def refused(model, x, y, match, error=ValueError):
    with pytest.raises(error, match=match) as found:
        model.fit(x, y)
    said = str(found.value)
    assert "Traceback" not in said
    assert len(said) < 600
    return said


def with_value(value, dtype=float):
    changed = X.astype(dtype)
    changed[4, 1] = value
    return changed


@pytest.mark.parametrize(("make", "y"), BOTH)
def test_rows_that_are_no_finite_numbers(make, y):
    for value in (np.inf, -np.inf):
        refused(make(), with_value(value), y, r"(?i)input X contains infinity|infinite")
        frame = pd.DataFrame(with_value(value), columns=["a", "b", "c"])
        frame["d"] = pd.Categorical(["u", "v"] * 15)
        refused(make(), frame, y, "(?i)infinity|expected finite numbers")


@pytest.mark.parametrize(("make", "y"), BOTH)
def test_cells_that_hold_lists(make, y):
    lists = np.empty((30, 3), dtype=object)
    lists[:] = 1.0
    lists[3, 1] = [1, 2]
    refused(make(), lists, y, ".", error=(ValueError, TypeError))
    frame = pd.DataFrame({"a": X[:, 0], "b": [[1, 2]] * 30})
    said = refused(make(), frame, y, "'b'", error=(ValueError, TypeError))
    assert "\n" not in said


@pytest.mark.parametrize(("make", "y"), BOTH)
def test_rows_of_different_lengths(make, y):
    ragged = [row.tolist() for row in X]
    ragged[7] = ragged[7][:2]
    refused(make(), ragged, y, "inhomogeneous|different lengths|setting an array element")


@pytest.mark.parametrize(("make", "y"), BOTH)
def test_shapes_that_do_not_fit(make, y):
    refused(make(), X[:, 0], y, "Reshape your data|Expected 2D array")
    refused(make(), X[:, :, None], y, r"Found array with dim 3|expected <= 2")
    refused(make(), X[:0], y[:0], r"0 sample\(s\)")
    refused(make(), X[:, :0], y, r"0 feature\(s\)")
    refused(make(), X, y[:-1], r"inconsistent numbers of samples: \[30, 29\]")


def test_targets_that_are_missing_or_infinite():
    for value in (np.nan, np.inf):
        y = NUMBERS.copy()
        y[3] = value
        refused(QiMLPRegressor(), X, y, r"Input y contains (NaN|infinity)")
    names = CLASSES.astype(object)
    for missing in (None, np.nan):
        names[3] = missing
        refused(QiMLPClassifier(), X, names, r"y: row 4: expected a label|Input (y )?contains NaN")
    names[3] = 7
    refused(QiMLPClassifier(), X, names, "y: expected labels that are all texts or all numbers")
    refused(QiMLPRegressor(), X, 1e300 * NUMBERS, "targets: expected numbers whose squares are")
    refused(QiMLPRegressor(), X, CLASSES, "could not convert string to float")
    refused(QiMLPRegressor(), X, None, "requires y to be passed, but the target y is None")


def test_continuous_labels_are_no_classes():
    said = refused(QiMLPClassifier(), X, NUMBERS, "Unknown label type: continuous")
    assert "regression target" in said
    refused(QiMLPClassifier(), X, X[:, :2], "Unknown label type: continuous-multioutput")


def test_more_classes_than_rows_can_tell():
    every = np.array([f"c{row}" for row in range(20)])
    model = QiMLPClassifier(max_iter=30, random_state=0).fit(X[:20], every)
    assert model.predict_proba(X[:20]).shape == (20, 20)
    assert model.score(X[:20], every) > 0.5
    with pytest.warns(UserWarning, match="number of unique classes is greater than 50%"):
        QiMLPClassifier(max_iter=1).fit(X, np.arange(30))


def test_a_constant_target_is_answered():
    model = QiMLPRegressor(random_state=0).fit(X, np.full(30, 7.25))
    np.testing.assert_allclose(model.predict(X), 7.25, atol=0.05)
    found = QiMLPRegressor(loss="quantile", random_state=0).fit(X, np.full(30, 7.25))
    np.testing.assert_allclose(found.predict_quantiles(X), 7.25, atol=1.0)


def test_names_that_changed():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = QiMLPRegressor(max_iter=1).fit(frame, NUMBERS)
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- d"):
        model.predict(frame.rename(columns={"c": "d"}))
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(frame[["c", "b", "a"]])
    with pytest.raises(ValueError, match="Feature names seen at fit time, yet now missing:\n- c"):
        model.predict(frame[["a", "b"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="X has 2 features, but QiMLPRegressor is expecting 3"):
        QiMLPRegressor(max_iter=1).fit(X, NUMBERS).predict(X[:, :2])


def test_what_was_not_fitted_answers_nothing():
    for make, _ in BOTH:
        with pytest.raises(AttributeError, match=f"This {make.__name__} instance is not fitted"):
            make().predict(X)


@pytest.mark.parametrize("make", [QiMLPClassifier, QiMLPRegressor])
def test_folders_that_are_no_models(make, tmp_path):
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError, match="missing"):
        make.load(missing)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises((FileNotFoundError, ValueError), match="empty"):
        make.load(empty)
    file = tmp_path / "file.txt"
    file.write_text("no model")
    with pytest.raises((OSError, ValueError), match=r"file\.txt"):
        make.load(file)


def test_a_model_of_the_other_kind_is_refused(tmp_path):
    QiMLPRegressor(max_iter=1).fit(X, NUMBERS).save(tmp_path / "numbers")
    with pytest.raises(ValueError, match="QiMLPRegressor|regression"):
        QiMLPClassifier.load(tmp_path / "numbers")
