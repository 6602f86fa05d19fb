"""Estimators of scikit-learn: a classifier and a regressor for any table.

Needs the libraries of `pip install "qimlp[sklearn]"`.
"""

try:
    import pydantic  # noqa: F401 - tried here, so that one line can say what is missing
    from sklearn.utils.validation import validate_data  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"the estimators need scikit-learn 1.6 or later, and pydantic ({error}): "
        'pip install "qimlp[sklearn]"'
    ) from error

from qimlp.estimators.classifier import QiMLPClassifier
from qimlp.estimators.regressor import QiMLPRegressor

__all__ = ["QiMLPClassifier", "QiMLPRegressor"]
