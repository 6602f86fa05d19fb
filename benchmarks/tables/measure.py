"""Fits one estimator on one split and measures it."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.metrics import accuracy_score, log_loss, r2_score
from threadpoolctl import threadpool_limits

from benchmarks.tables.contestants import MAKERS
from benchmarks.tables.data import Split, Table
from benchmarks.tables.sizes import parameters, saved_bytes

PREDICTED_ROWS = 10_000
_PREDICTIONS = 3
_WARM_UP_ROWS = 200


def measure(name: str, part: Split) -> dict[str, Any]:
    """Fit an estimator on one thread and measure it.

    Args:
        name: One of `MAKERS`.
        part: The split.

    Returns:
        A row of results: scores of the test part, sizes, process CPU seconds of the fit and of a
        prediction of 10,000 rows.

    Raises:
        ImportError: If what the estimator needs is not installed.
    """
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a default budget ends before convergence, and peers'
        _warm_up(name, part.table.task)
        estimator = MAKERS[name](part.table, part.seed)
        _, fit_s = _timed(lambda: estimator.fit(part.x_train, part.y_train))
        many = part.many_rows(PREDICTED_ROWS)
        predict_s = [_timed(lambda: estimator.predict(many))[1] for _ in range(_PREDICTIONS)]
        scores = _scores(estimator, part)
        return {
            "estimator": name,
            "table": part.table.name,
            "split": part.seed,
            "task": part.table.task,
            **scores,
            "parameters": parameters(estimator),
            "fit_s": round(fit_s, 4),
            "predict_s": round(statistics.median(predict_s), 5),
            "saved_bytes": saved_bytes(estimator),
            "versions": {"scikit-learn": sklearn.__version__, "torch": torch.__version__},
        }


def _scores(estimator: Any, part: Split) -> dict[str, float]:
    predicted = estimator.predict(part.x_test)
    if not part.table.classes:
        return {"score": round(float(r2_score(part.y_test, predicted)), 6)}
    probabilities = estimator.predict_proba(part.x_test)
    loss = log_loss(part.y_test, probabilities, labels=np.arange(part.table.classes))
    accuracy = accuracy_score(part.y_test, predicted)
    return {"score": round(float(accuracy), 6), "log_loss": round(float(loss), 6)}


@lru_cache
def _warm_up(name: str, task: str) -> None:
    """Fit once for nothing: the first fit of a process pays for imports."""
    import pandas as pd  # noqa: PLC0415 - comes with the [train] extra

    generator = np.random.default_rng(0)
    rows = pd.DataFrame(generator.normal(size=(_WARM_UP_ROWS, 3)), columns=["a", "b", "c"])
    rows["d"] = pd.Categorical(np.where(rows["a"] > 0, "yes", "no"))
    numbers = rows["a"].to_numpy() + rows["b"].to_numpy()
    classes = 2 if task == "classification" else 0
    targets = (numbers > 0).astype(np.int64) if classes else numbers
    estimator = MAKERS[name](Table("warm-up", rows, targets, classes), 0)
    estimator.fit(rows, targets).predict(rows)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = call()
    return result, time.process_time() - start
