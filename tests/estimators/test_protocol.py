"""All of scikit-learn's own checks, with none expected to fail."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from qimlp import QiMLPClassifier, QiMLPRegressor


@parametrize_with_checks([QiMLPClassifier(), QiMLPRegressor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
