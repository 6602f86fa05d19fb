"""Against NumPy's own quantiles of rows that are written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qimlp.data.tables.quantiles import quantiles

LEVELS = (0.25, 0.5, 0.75)
METHOD = "averaged_inverted_cdf"
VALUES = st.floats(-100, 100, width=32) | st.just(float("nan")) | st.sampled_from([0.0, 1.0])


@given(arrays(np.float64, (2, 9), elements=VALUES), arrays(np.int64, 9, elements=st.integers(1, 4)))
def test_whole_weights_are_repeated_rows(columns, weights):
    found = quantiles(columns, LEVELS, weights.astype(np.float64))
    repeated = np.repeat(columns, weights, axis=1)
    assert np.array_equal(found, quantiles(repeated, LEVELS), equal_nan=True)
    for column, own in zip(repeated, np.transpose(found), strict=True):
        known = column[~np.isnan(column)]
        expected = np.quantile(known, LEVELS, method=METHOD) if len(known) else np.full(3, np.nan)
        np.testing.assert_allclose(own, expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_medians_are_numpys(dtype, count):
    columns = (np.random.default_rng(0).standard_normal((3, count)) * 9).astype(dtype)
    found = quantiles(columns, (0.5,))[0]
    np.testing.assert_array_equal(found, np.median(columns.astype(np.float64), axis=1))


def test_neither_the_order_of_rows_nor_the_unit_of_weights_counts():
    rng = np.random.default_rng(1)
    columns, weights = rng.integers(0, 5, (4, 50)).astype(float), rng.random(50)
    order = rng.permutation(50)
    expected = quantiles(columns, LEVELS, weights)
    np.testing.assert_array_equal(quantiles(columns[:, order], LEVELS, weights[order]), expected)
    np.testing.assert_array_equal(quantiles(columns, LEVELS, weights * 8), expected)


def test_numbers_near_the_end_of_float64_do_not_overflow():
    huge = np.finfo(np.float64).max
    assert quantiles(np.array([[huge, huge]]), (0.5,))[0].tolist() == [huge]
