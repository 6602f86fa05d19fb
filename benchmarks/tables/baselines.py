"""scikit-learn's estimators, prepared as a sensible user would, and LightGBM.

Every maker takes a table and a seed and returns an estimator that takes the table's data frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from benchmarks.tables.data import Table


def linear(table: Table, seed: int) -> Any:
    """Logistic regression, or ridge regression whose penalty is chosen without a split."""
    if table.classes:
        return make_pipeline(_scaled(table), LogisticRegression(max_iter=2000, random_state=seed))
    return make_pipeline(_scaled(table), RidgeCV(alphas=np.logspace(-3, 4, 15)))


def forest(table: Table, seed: int) -> Any:
    """A random forest of the defaults; categories as codes, missing values as they are."""
    kind = RandomForestClassifier if table.classes else RandomForestRegressor
    return make_pipeline(_codes(table), kind(n_jobs=1, random_state=seed))


def boosting(table: Table, seed: int) -> Any:
    """HistGradientBoosting of the defaults: it reads categories and missing values itself."""
    kind = HistGradientBoostingClassifier if table.classes else HistGradientBoostingRegressor
    return kind(categorical_features="from_dtype", random_state=seed)


def mlp(table: Table, seed: int) -> Any:
    """scikit-learn's MLP of the defaults, on scaled inputs and a scaled target."""
    if table.classes:
        return make_pipeline(_scaled(table), MLPClassifier(random_state=seed))
    regressor = make_pipeline(_scaled(table), MLPRegressor(random_state=seed))
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


def lightgbm(table: Table, seed: int) -> Any:
    """LightGBM of the defaults; an ImportError where it is not installed."""
    from lightgbm import LGBMClassifier, LGBMRegressor  # noqa: PLC0415 - a peer

    kind = LGBMClassifier if table.classes else LGBMRegressor
    return kind(n_jobs=1, random_state=seed, verbose=-1)


def _scaled(table: Table) -> ColumnTransformer:
    """Numbers by median imputation and scaling, categories as one input each."""
    numbers, categories = _columns(table)
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]
    )


def _codes(table: Table) -> ColumnTransformer:
    _, categories = _columns(table)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer([("categories", encoder, categories)], remainder="passthrough")


def _columns(table: Table) -> tuple[list[str], list[str]]:
    categories = list(table.rows.select_dtypes("category").columns)
    return [name for name in table.rows.columns if name not in categories], categories
