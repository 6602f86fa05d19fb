"""How large a fitted estimator is: its parameters, and the bytes it takes on disk."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.pipeline import Pipeline


def parameters(fitted: Any) -> int | None:
    """Count what an estimator has learned.

    Args:
        fitted: A fitted estimator or pipeline.

    Returns:
        The weights of a network or a linear model, the nodes of all trees, `None` where the
        estimator does not show them.
    """
    model = _last(fitted)
    if hasattr(model, "network_"):
        return sum(parameter.numel() for parameter in model.network_.parameters())
    if hasattr(model, "coefs_"):
        return sum(array.size for array in (*model.coefs_, *model.intercepts_))
    if hasattr(model, "coef_"):
        return int(model.coef_.size + np.size(model.intercept_))
    return _nodes(model)


def _nodes(model: Any) -> int | None:
    if hasattr(model, "booster_"):
        # A tree of L leaves has L - 1 splits.
        trees = model.booster_.dump_model()["tree_info"]
        return sum(2 * tree["num_leaves"] - 1 for tree in trees)
    if hasattr(model, "_predictors"):
        return sum(len(tree.nodes) for trees in model._predictors for tree in trees)
    if hasattr(model, "estimators_"):
        return sum(tree.tree_.node_count for tree in model.estimators_)
    return None


def saved_bytes(fitted: Any) -> int | None:
    """Count the bytes of a saved estimator.

    Args:
        fitted: A fitted estimator or pipeline.

    Returns:
        The files of the folder that `save` writes; for others what joblib writes of the whole
        pipeline; `None` where it can write none.
    """
    if hasattr(fitted, "save") and hasattr(fitted, "network_"):
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent, "model")
            fitted.save(folder)
            return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    buffer = io.BytesIO()
    try:
        joblib.dump(fitted, buffer)
    except (TypeError, AttributeError):  # what joblib raises at a lock or a local function
        return None
    return buffer.tell()


def _last(fitted: Any) -> Any:
    if hasattr(fitted, "regressor_"):  # a scaled target around a pipeline
        return _last(fitted.regressor_)
    return _last(fitted[-1]) if isinstance(fitted, Pipeline) else fitted
