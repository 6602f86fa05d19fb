"""One table in every form gives one result."""

import datetime as dt
from decimal import Decimal

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from qimlp.data import TableFeatures

ROME = dt.timezone(dt.timedelta(hours=1))
COLUMNS = {
    "whole": [3, 1, None, 7],
    "real": [0.5, None, 2.5, 4.0],
    "flag": [True, None, False, True],
    "word": ["b", "a", None, "b"],
    "day": [dt.date(2020, 1, 31), None, dt.date(2021, 2, 1), dt.date(2020, 12, 24)],
    "time": [dt.datetime(2020, 5, 1, hour, 30) for hour in (0, 6, 12, 23)],
    "price": [Decimal("1.25"), Decimal("2.5"), None, Decimal("4")],
}
NAMES = list(COLUMNS)
POLARS = pl.DataFrame(COLUMNS)
PANDAS = pd.DataFrame(COLUMNS)
FORMS = {
    "polars": POLARS,
    "polars categorical": POLARS.with_columns(pl.col("word").cast(pl.Categorical)),
    "polars enum": POLARS.with_columns(pl.col("word").cast(pl.Enum(["b", "a"]))),
    "polars zone": POLARS.with_columns(pl.col("time").dt.replace_time_zone("Europe/Rome")),
    "pandas": PANDAS,
    "pandas objects": PANDAS.astype(object).where(PANDAS.notna(), None),
    "pandas category": PANDAS.astype({"word": "category"}),
    "pandas nullable": PANDAS.convert_dtypes(),
    "pandas arrow": PANDAS.convert_dtypes(dtype_backend="pyarrow"),
    "pandas zone": PANDAS.assign(time=PANDAS["time"].dt.tz_localize("Europe/Rome")),
    "arrow": POLARS.to_arrow(),
    "arrow dictionary": pa.table(
        {
            name: pa.array(v) if name != "word" else pa.array(v).dictionary_encode()
            for name, v in COLUMNS.items()
        }
    ),
    "arrow arrays": {name: pa.array(values) for name, values in COLUMNS.items()},
    "series": {name: POLARS[name] for name in COLUMNS},
    "lists": COLUMNS,
    "data set of the hub": datasets.Dataset.from_dict(COLUMNS | {"price": [1.25, 2.5, None, 4.0]}),
    "object matrix": np.array(list(zip(*COLUMNS.values(), strict=True)), dtype=object),
    "rows": [list(row) for row in zip(*COLUMNS.values(), strict=True)],
}
FEATURES = TableFeatures.fit(COLUMNS)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(form):
    assert TableFeatures.fit(FORMS[form]).scaling == FEATURES.scaling
    assert torch.equal(FEATURES.apply(FORMS[form]), FEATURES.apply(COLUMNS))


def test_what_the_columns_are():
    assert FEATURES.names == tuple(NAMES)
    assert FEATURES.cardinalities == (2,)
    uses = [column.use for column in FEATURES.columns]
    assert uses == ["number"] * 3 + ["category", "date", "date", "number"]
    # of the days year, month, day and weekday vary, of the times the seconds
    assert FEATURES.num_numbers == 3 + 4 + 1 + 1 + 5


def test_order_of_columns_and_further_ones_do_not_matter():
    mixed = POLARS.select(reversed(NAMES)).with_columns(more=pl.lit("x"))
    assert torch.equal(FEATURES.apply(mixed), FEATURES.apply(POLARS))


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="the table lacks the columns 'flag', 'word'"):
        FEATURES.apply(POLARS.drop("flag", "word"))


def test_columns_without_names_are_found_by_place():
    bare = PANDAS.set_axis(range(7), axis=1)
    assert torch.equal(FEATURES.apply(bare), FEATURES.apply(PANDAS))
    with pytest.raises(ValueError, match="expected rows of 7 values as in training, got 6"):
        FEATURES.apply(bare.drop(columns=3))


def test_a_column_of_another_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="column 'real': could not convert string to float"):
        FEATURES.apply(PANDAS.assign(real="much"))
    with pytest.raises(ValueError, match="column 'real': expected numbers, got dates"):
        FEATURES.apply(PANDAS.assign(real=PANDAS["day"]))
    with pytest.raises(ValueError, match="column 'day': expected dates such as .* got 'soon'"):
        FEATURES.apply(PANDAS.assign(day="soon"))


def test_dates_may_be_written_out():
    written = PANDAS.assign(day=["2020-01-31", None, "2021-02-01", "2020-12-24"])
    assert torch.equal(FEATURES.apply(written), FEATURES.apply(PANDAS))


def test_spans_are_seconds():
    spans = {"s": [dt.timedelta(seconds=1), dt.timedelta(days=1), None]}
    expected = TableFeatures.fit({"s": [1.0, 86400.0, None]})
    assert TableFeatures.fit(spans) == expected
    assert TableFeatures.fit(pd.DataFrame(spans)) == expected
    assert TableFeatures.fit(pl.DataFrame(spans)) == expected
    clock = {"s": [dt.time(0, 0, 1), dt.time(1), None]}
    assert TableFeatures.fit(pl.DataFrame(clock)) == TableFeatures.fit({"s": [1.0, 3600.0, None]})


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "different names, got 'a' twice"),
        ([[1, 2], [3]], "expected rows of equal length, got a ragged list"),
        ({"a": [1, 2], "b": [1]}, r"columns of one length, got \[1, 2\]"),
        (np.arange(3), r"shape \(N, C\), got \(3,\): reshape your data"),
        (np.zeros((2, 2, 2)), r"shape \(N, C\), got \(2, 2, 2\)"),
        (np.zeros((0, 2)), "at least one row and column, got 0 x 2"),
        (pd.DataFrame({"a": []}), "at least one row and column, got 0 x 1"),
        (np.array([[1j]]), "complex data is not supported"),
        ({"a": np.array([1j])}, "complex data is not supported"),
        ({"a": np.zeros((2, 2))}, "column 'a': expected one value a row"),
        ({"a": [10**400, 1]}, "column 'a': an integer is too large"),
    ],
)
def test_what_is_no_table(table, line):
    with pytest.raises(ValueError, match=line):
        TableFeatures.fit(table)


def test_something_else():
    with pytest.raises(TypeError, match="expected a table: an array .* got 5"):
        TableFeatures.fit(5)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_lists_in_a_column_are_refused(make):
    with pytest.raises(TypeError, match="column 'a'.*not (list|ndarray)"):
        TableFeatures.fit(make({"a": [[1, 2], [3]]}))


def test_no_rows_give_no_rows():
    assert FEATURES.apply(POLARS.head(0)).shape == (0, FEATURES.num_numbers + 1)
