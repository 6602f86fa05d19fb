"""Rows in memory: columns are found by name, as a file's are."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from qimlp.predictor.tables import as_inputs

COLUMNS = ("cut=Good", "cut=Ideal", "e[0]", "e[1]", "n")
FRAME = pd.DataFrame(
    {"n": [1.5, 2.5], "more": ["x", "y"], "cut": ["Ideal", "Fair"], "e": [[1.0, 2.0], [3.0, 4.0]]}
)


@pytest.mark.parametrize("make", [lambda frame: frame, pa.Table.from_pandas, dict])
def test_categories_and_lists(make):
    inputs = as_inputs(make(FRAME), COLUMNS, (5,))
    assert inputs.tolist() == [[0, 1, 1, 2, 1.5], [0, 0, 3, 4, 2.5]]


def test_large_numbers_are_shifted():
    frame = FRAME.assign(n=np.array([1_700_000_000.5, 1_700_000_001.0]))
    assert as_inputs(frame, ("n",), (1,), (1_700_000_000,)).tolist() == [[0.5], [1.0]]


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match=r"lacks the columns 'm', 'size=1', 'f\[0\]'"):
        as_inputs(FRAME, ("n", "m", "size=1", "f[0]"), (4,))
