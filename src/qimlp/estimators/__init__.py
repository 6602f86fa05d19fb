"""Estimators of scikit-learn: a classifier and a regressor for any table.

Needs the libraries of `pip install "qimlp[sklearn]"`.
"""

from qimlp.estimators.classifier import QiMLPClassifier
from qimlp.estimators.regressor import QiMLPRegressor

__all__ = ["QiMLPClassifier", "QiMLPRegressor"]
