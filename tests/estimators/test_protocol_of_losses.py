"""scikit-learn's own checks with the losses that are not the default."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from qimlp.estimators import QiMLPRegressor


@pytest.mark.slow
@parametrize_with_checks([QiMLPRegressor(loss="huber"), QiMLPRegressor(loss="quantile")])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
