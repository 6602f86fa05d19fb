"""From what users give to `fit` and `predict` to checked rows, targets and weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing, check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, validate_data
from torch import Tensor

from qimlp.data import TableFeatures
from qimlp.files import shown


def read_table(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Check rows as scikit-learn does; names and number of columns are learned or compared.

    Args:
        estimator: Whose rows they are.
        X: An array or what becomes one, a sparse matrix, or a data frame.
        reset: Whether these rows say what the columns are.

    Returns:
        An array of numbers or a sparse matrix; a data frame with other columns stays one.

    Raises:
        ValueError: If they are no usable rows, or of other columns.
        TypeError: If a cell is no number.
    """
    if _has_other_columns(X):
        if len(X) == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required "
                f"by {type(estimator).__name__}."
            )
        return validate_data(estimator, X, reset=reset, skip_check_array=True)
    return validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype="numeric",
        ensure_all_finite="allow-nan",
    )


def places_of(categorical: Any, names: NDArray[Any] | None) -> Any:
    """Find the columns of an array that have names in the data frame that it was.

    Args:
        categorical: The parameter `categorical_features`.
        names: Names of all columns, or None.

    Returns:
        Places instead of names; else what came.

    Raises:
        ValueError: If there is no such column.
    """
    if isinstance(categorical, str) or not np.iterable(categorical):
        return categorical
    chosen = np.asarray(categorical).tolist()
    if names is None or not all(isinstance(name, str) for name in chosen):
        return chosen
    known = {name: place for place, name in enumerate(names)}
    missing = [name for name in chosen if name not in known]
    if missing:
        raise ValueError(f"categorical_features: X has no column {shown(missing[0], 60)}")
    return [known[name] for name in chosen]


def named(features: TableFeatures, names: NDArray[Any] | None) -> TableFeatures:
    """Give the columns of an array the names that they had in a data frame.

    Args:
        features: What was learned about the columns.
        names: Of all columns, or None.

    Returns:
        The same, with names where it has none and they differ.
    """
    if names is None or features.named or len(set(names)) < len(names):
        return features
    columns = tuple(replace(column, name=names[column.position]) for column in features.columns)
    return replace(features, named=True, columns=columns)


def inputs_of(features: TableFeatures, table: Any) -> Tensor:
    """Turn rows into a network's inputs.

    Args:
        features: What was learned about the columns.
        table: From `read_table`.

    Returns:
        Shape (n, columns), `float32`; one column of zeros where no column told anything.

    Raises:
        ValueError: If a column is missing, or a number is infinite.
        TypeError: If a cell is no number, text or date.
    """
    if not features.in_features:
        return torch.zeros(table.shape[0], 1)
    return features.apply(table)


def _has_other_columns(X: Any) -> bool:
    """Whether it is a data frame with columns that are no numbers."""
    if isinstance(X, np.ndarray) or not hasattr(X, "columns"):
        return False
    dtypes = getattr(X, "dtypes", ())
    return any(not _is_number(dtype) for dtype in dtypes)


def _is_number(dtype: Any) -> bool:
    if hasattr(dtype, "is_numeric"):  # Polars
        return bool(dtype.is_numeric()) or str(dtype) == "Boolean"
    return getattr(dtype, "kind", "O") in "biuf" and not hasattr(dtype, "categories")


def read_weights(sample_weight: Any, rows: int) -> NDArray[np.float64] | None:
    """Check the weights of rows.

    Args:
        sample_weight: One number for all, one for each row, or None.
        rows: Number of rows.

    Returns:
        Shape (rows,); None where none are given.

    Raises:
        ValueError: If there are more or fewer, one is negative, or all are zero.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(rows, sample_weight)
    weights: NDArray[np.float64] = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}!")
    if (weights < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`.")
    if not (weights > 0).any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def select(table: Any, rows: NDArray[np.int64]) -> Any:
    """Take some rows of a table.

    Args:
        table: From `read_table`.
        rows: Their numbers.

    Returns:
        A table of the same kind.
    """
    return _safe_indexing(table, rows)


def require_targets(estimator: Any, X: Any, y: Any) -> None:
    """Refuse a fit without targets, or with too few.

    Args:
        estimator: Whose they are.
        X: Rows.
        y: Targets.

    Raises:
        ValueError: In scikit-learn's words.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y "
            "is None."
        )
    check_consistent_length(X, y)


def read_labels(y: Any) -> NDArray[Any]:
    """Check the labels of a classification.

    Args:
        y: One label for each row, or an array or sparse matrix of 0 and 1 for several.

    Returns:
        Labels of shape (n,); or 0 and 1 of shape (n, labels).

    Raises:
        ValueError: If they are continuous, missing or of several columns of classes.
    """
    y = check_array(y, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y")
    if y.dtype == object:
        _require_one_kind(y.reshape(-1).tolist())
    check_classification_targets(y)
    if type_of_target(y, input_name="y") == "multilabel-indicator":
        return np.asarray(y.toarray() if hasattr(y, "toarray") else y).astype(np.int64)
    if y.ndim > 1 and y.shape[1] > 1:
        raise ValueError(
            "y: expected one column of classes, or several of 0 and 1, got several columns of "
            "classes; fit one classifier for each"
        )
    labels: NDArray[Any] = column_or_1d(y, warn=True)
    return labels


def _require_one_kind(labels: Sequence[Any]) -> None:
    """Refuse labels that are missing, or that have no order because some are texts and some not."""
    for row, label in enumerate(labels, start=1):
        if label is None or (isinstance(label, float) and math.isnan(label)):
            raise ValueError(
                f"y: row {row}: expected a label, got {shown(label)}; leave the row out, or give "
                "it a label of its own"
            )
    if len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError("y: expected labels that are all texts or all numbers, got both")


def read_numbers(y: Any) -> Tensor:
    """Check the targets of a regression.

    Args:
        y: One number for each row, or several.

    Returns:
        A copy of shape (n, targets), `float64`.

    Raises:
        ValueError: If a target is no finite number.
    """
    values = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    return torch.tensor(values.reshape(len(values), -1))


def names_of_targets(y: Any, count: int) -> tuple[str, ...]:
    """Call targets as a series or a data frame does, so that files of rows may hold them.

    Args:
        y: As the user gave it.
        count: Number of targets.

    Returns:
        The names; `"y"`, or `"y0"`, `"y1"` and so on, where there are none.
    """
    given: list[Any] = list(y.columns) if hasattr(y, "columns") else [getattr(y, "name", None)]
    named = all(isinstance(name, str) and name for name in given)
    if named and len(given) == len(set(given)) == count:
        return tuple(given)
    return ("y",) if count == 1 else tuple(f"y{place}" for place in range(count))
