import pytest

from qimlp import QiMLPClassifier, QiMLPRegressor
from tests.estimators.tables import classes

BAD = [
    ({"alpha": -1}, r"The 'alpha' parameter of QiMLPRegressor must be a float in the range \[0, "),
    ({"alpha": True}, r"Got True instead"),
    ({"hidden_layer_sizes": (100,)}, r"must be pairs of sizes, .* or None\. Got \(100\)"),
    ({"hidden_layer_sizes": ()}, "pairs"),
    ({"activation": "logistic"}, r"must be a str among \{'gelu', 'relu', "),
    ({"batch_size": 0}, r"an int in the range \[1, inf\)"),
    ({"max_iter": 2.5}, "an int"),
    ({"learning_rate_init": 0.0}, r"\(0, inf\)"),
    ({"validation_fraction": 1.0}, r"\(0, 1\)"),
    ({"early_stopping": "auto"}, "a bool"),
    ({"quantiles": (0.9, 0.1)}, "rising"),
    ({"quantiles": ()}, "rising"),
    ({"loss": "poisson"}, "squared_error"),
    ({"n_members": "many"}, "an int"),
    ({"n_threads": 0}, "an int"),
    ({"device": 3}, "a str"),
    ({"scoring": 3}, "a callable"),
    ({"verbose": -1}, "verbose"),
]


@pytest.mark.parametrize(("bad", "words"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_parameter_is_refused_in_one_line(bad, words):
    X, y = classes(20)
    with pytest.raises(ValueError, match=words) as caught:
        QiMLPRegressor(**bad).fit(X, y)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_class_weight_is_checked():
    X, y = classes(20)
    with pytest.raises(ValueError, match="'class_weight' parameter of QiMLPClassifier must be"):
        QiMLPClassifier(class_weight="even").fit(X, y)


@pytest.mark.parametrize("device", ["tpu", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device):
    X, y = classes(20)
    with pytest.raises(ValueError, match=device):
        QiMLPClassifier(device=device).fit(X, y)


def test_what_is_not_offered_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'solver'"):
        QiMLPClassifier(solver="lbfgs")
    with pytest.raises(ValueError, match="Invalid parameter 'solver' for estimator QiMLPClassif"):
        QiMLPClassifier().set_params(solver="lbfgs")
    with pytest.raises(TypeError, match="positional"):
        QiMLPClassifier(((8, 8),))
