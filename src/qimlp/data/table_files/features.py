"""The columns of a table that are features, each as what it was taken for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qimlp.data.extras import import_extra
from qimlp.data.readers.error_messages import listed
from qimlp.data.table_files.kinds import TRUTHS, Column
from qimlp.data.table_files.written_dates import ISO, read_dates
from qimlp.files import shown


def feature_frame(frame: Any, columns: Sequence[Column], origin: str) -> Any:
    """Take the features out of a table.

    Args:
        frame: `pandas.DataFrame`, as `read_table` gives it; other columns are left aside, the
            order does not count.
        columns: What the columns of the training table were taken for.
        origin: File, for messages.

    Returns:
        `pandas.DataFrame` of the columns that are not left out, in their order: numbers and
        booleans as numbers, categories and texts as texts, dates as `datetime64`.

    Raises:
        ValueError: A column is missing, or holds something else than in training; the line names
            row and column.
    """
    wanted = [column for column in columns if column.kind != "left out"]
    missing = [column.name for column in wanted if column.name not in frame.columns]
    if missing:
        raise ValueError(
            f"{origin}: lacks {listed(missing)}, among the columns of the training data; its "
            f"columns are {listed(list(frame.columns))}"
        )
    found = {column.name: _read(frame[column.name], column, origin) for column in wanted}
    return import_extra("pandas").DataFrame(found)


def _read(values: Any, column: Column, origin: str) -> Any:
    if column.kind == "category":
        return _as_category(values)
    if column.kind == "text":
        return values.astype(object).where(values.notna(), None)
    if column.kind == "date":
        return _as_dates(values, column, origin)
    if column.kind == "boolean":
        values = _truths(values)
    return _as_numbers(values, column, origin)


def _as_category(values: Any) -> Any:
    """Texts; whole numbers without `.0`, which they have where one is missing."""
    types = import_extra("pandas").api.types
    if types.is_float_dtype(values.dtype):
        whole = values.dropna()
        if (whole == np.floor(whole)).all() and (whole.abs() < 2.0**53).all():
            values = values.astype("Int64")
    return values.astype(object).where(values.notna(), None).map(str, na_action="ignore")


def _truths(values: Any) -> Any:
    types = import_extra("pandas").api.types
    if types.is_bool_dtype(values.dtype) or types.is_numeric_dtype(values.dtype):
        return values
    lower = values.astype(object).map(lambda text: str(text).lower(), na_action="ignore")
    return lower.map(lambda text: TRUTHS.get(text, text), na_action="ignore")


def _as_numbers(values: Any, column: Column, origin: str) -> Any:
    pandas = import_extra("pandas")
    if pandas.api.types.is_timedelta64_dtype(values.dtype):
        return values.dt.total_seconds()
    numbers = values
    if not pandas.api.types.is_numeric_dtype(values.dtype) or _is_nullable(values.dtype):
        numbers = pandas.to_numeric(values, errors="coerce").astype("float64")
        wrong = (numbers.isna() & values.notna()).to_numpy()
        if wrong.any():
            raise _unlike(values, wrong, column, origin)
    infinite = np.isinf(numbers.to_numpy(dtype=np.float64))
    if infinite.any():
        raise _unlike(values, infinite, column, origin)
    return numbers


def _is_nullable(dtype: Any) -> bool:
    """Whether it is one of pandas' own types, which hold missing values apart."""
    return not isinstance(dtype, np.dtype)


def _as_dates(values: Any, column: Column, origin: str) -> Any:
    pandas = import_extra("pandas")
    if pandas.api.types.is_datetime64_any_dtype(values.dtype):
        return values.dt.tz_convert(None) if values.dt.tz is not None else values
    if values.isna().all():
        return pandas.to_datetime(values, errors="coerce")
    texts = values.astype(object).map(str, na_action="ignore")
    written = column.written or ISO
    dates = read_dates(texts, written)
    if dates is None:
        wrong = np.asarray([_is_no_date(text, written) for text in texts])
        raise _unlike(values, wrong, column, origin)
    return dates


def _is_no_date(text: Any, written: str) -> bool:
    return isinstance(text, str) and read_dates([text], written) is None


def _unlike(values: Any, wrong: Any, column: Column, origin: str) -> ValueError:
    row = int(np.argmax(wrong))
    expected = {"date": "a date", "boolean": "true or false"}.get(column.kind, "a finite number")
    like = f" written as {column.written}" if column.written else ""
    return ValueError(
        f"{origin}: row {row + 1}, column {shown(column.name, 60)}: expected {expected}{like} as "
        f"in training, got {shown(values.iloc[row], 60)}; leave unknown cells empty"
    )
