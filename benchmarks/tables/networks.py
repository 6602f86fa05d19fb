"""The networks of tables: qimlp's estimators, and those of pytabkit where it is installed.

pytabkit wants packages that the project's environment does not hold: install it in one of its own
and run the program there for these estimators alone, with the same `--out`.
"""

from __future__ import annotations

from typing import Any

import qimlp
from benchmarks.tables.data import Table
from benchmarks.tables.dense import DenseEstimator

DENSE_RATE = 0.005


def ours(table: Table, seed: int, **options: Any) -> Any:
    """Our estimator of the defaults, but for `options`."""
    kind = qimlp.QiMLPClassifier if table.classes else qimlp.QiMLPRegressor
    return kind(random_state=seed, **options)


def one_member(table: Table, seed: int) -> Any:
    """The same with one network in place of several members."""
    return ours(table, seed, n_members=1)


def dense(table: Table, seed: int) -> Any:
    """The same with dense layers of the same widths, at a learning rate of its own."""
    return DenseEstimator(ours(table, seed, learning_rate_init=DENSE_RATE))


def realmlp(table: Table, seed: int) -> Any:
    """RealMLP with its tuned defaults; an ImportError where pytabkit is not installed."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor  # noqa: PLC0415 - a peer

    kind = RealMLP_TD_Classifier if table.classes else RealMLP_TD_Regressor
    return kind(random_state=seed, n_threads=1, device="cpu")


def tabm(table: Table, seed: int) -> Any:
    """TabM with its tuned defaults; an ImportError where pytabkit is not installed."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor  # noqa: PLC0415 - a peer

    kind = TabM_D_Classifier if table.classes else TabM_D_Regressor
    return kind(random_state=seed, n_threads=1, device="cpu")
