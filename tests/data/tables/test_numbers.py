"""Numbers against the plain definition."""

import numpy as np
import pytest
import scipy.sparse
import torch

from qimlp.data import TableFeatures

METHOD = "averaged_inverted_cdf"


def by_definition(known, values):
    """One column: median and quartiles of `known`, smooth clip of `values`."""
    known, values = known[~np.isnan(known)], np.array(values, dtype=np.float64)
    low, centre, high = np.quantile(known, (0.25, 0.5, 0.75), method=METHOD)
    scale = high - low
    if scale == 0:
        scale = np.median(np.abs(known - centre)[known != centre])
    scaled = (values - centre) / scale
    return np.nan_to_num(scaled / np.sqrt(1 + (scaled / 3) ** 2))


def test_scaling_clip_median_and_indicator():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((301, 4)) * [1, 1e3, 1e-3, 5] + [0, 1e6, 0, -3]
    rows[rng.random(301) < 0.2, 1] = np.nan
    rows[5, 3] = 1e30
    features = TableFeatures.fit(rows)
    found = features.apply(rows).numpy()
    assert features.num_numbers == 5
    assert features.cardinalities == ()
    for column in range(4):
        expected = by_definition(rows[:, column], rows[:, column])
        np.testing.assert_allclose(found[:, column], expected, atol=1e-6)
    assert found[:, 4].tolist() == np.isnan(rows[:, 1]).tolist()
    assert found[5, 3] == 3


def test_a_rare_value_is_one_step_away():
    rows = np.zeros((100, 1))
    rows[:3] = 40.0
    found = TableFeatures.fit(rows).apply(rows)
    assert found[:3, 0].tolist() == pytest.approx([1 / np.sqrt(1 + 1 / 9)] * 3)
    assert not found[3:].any()


def test_a_value_missing_for_the_first_time_is_the_median():
    rows = np.arange(9.0)[:, None]
    features = TableFeatures.fit(rows)
    assert features.apply(np.array([[np.nan], [4.0]])).tolist() == [[0.0], [0.0]]


def test_constant_and_empty_columns_are_left_out():
    rows = np.array([[1, 7, np.nan, 7], [2, 7, np.nan, np.nan], [3, 7, np.nan, 7]])
    features = TableFeatures.fit(rows)
    assert features.names == ("x0", "x3")  # that of x3 is the indicator
    assert features.num_numbers == 2
    assert features.apply(rows)[:, 1].tolist() == [0, 1, 0]


def test_large_numbers_close_together_keep_their_differences():
    rows = 1.7e9 + np.arange(5.0)[:, None]
    found = TableFeatures.fit(rows).apply(rows)[:, 0].numpy()
    np.testing.assert_allclose(found, by_definition(rows[:, 0], rows[:, 0]), rtol=1e-6)


def test_numbers_near_the_end_of_float64():
    huge = np.finfo(np.float64).max
    rows = np.array([[-huge], [0.0], [huge]])
    assert torch.isfinite(TableFeatures.fit(rows).apply(rows)).all()
    small = np.array([[0.0], [5e-324], [1.0]])
    assert torch.isfinite(TableFeatures.fit(small).apply(small)).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_whole_weights_are_repeated_rows_and_order_is_nothing(weighted):
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 6, (60, 5)).astype(float)
    rows[rng.random((60, 5)) < 0.1] = np.nan
    weights = rng.integers(0, 4, 60)
    repeated = np.repeat(rows, weights, axis=0)
    order = rng.permutation(60)
    expected = TableFeatures.fit(repeated, categorical=[1])
    assert TableFeatures.fit(rows, weights=weights, categorical=[1]) == expected
    assert TableFeatures.fit(rows[order], weights=weights[order], categorical=[1]) == expected
    assert TableFeatures.fit(rows, weights=weights * 2.5, categorical=[1]) == expected


def test_equal_weights_are_none():
    rows = np.random.default_rng(3).standard_normal((20, 2))
    assert TableFeatures.fit(rows, weights=np.full(20, 0.3)) == TableFeatures.fit(rows)


@pytest.mark.parametrize(
    ("weights", "line"),
    [
        (np.ones(2), r"weights: expected shape \(3,\), got \(2,\)"),
        (np.array([1, -1, 1]), "weights: expected finite numbers of 0 or more"),
        (np.zeros(3), "weights: expected finite numbers of 0 or more, at least one above 0"),
        (np.array([1, np.nan, 1]), "weights: expected finite"),
    ],
)
def test_weights_that_are_none(weights, line):
    with pytest.raises(ValueError, match=line):
        TableFeatures.fit(np.eye(3), weights=weights)


def test_infinite_numbers_are_refused_by_row_and_column():
    rows = np.arange(12.0).reshape(6, 2)
    features = TableFeatures.fit(rows)
    wrong = rows.copy()
    wrong[4, 1], wrong[0, 0] = np.inf, np.nan
    line = "row 5, column 'x1': expected finite numbers or missing ones, got inf"
    with pytest.raises(ValueError, match=line):
        features.apply(wrong)
    with pytest.raises(ValueError, match=line):
        TableFeatures.fit(wrong)


def test_the_same_from_every_matrix():
    rows = np.random.default_rng(4).integers(0, 3, (50, 6)).astype(np.float32)
    expected = TableFeatures.fit(rows)
    for same in (
        rows.astype(np.float64),
        rows.astype(np.int64),
        rows.astype(object),
        np.asfortranarray(rows),
        torch.from_numpy(rows),
        torch.from_numpy(rows).bfloat16(),
        scipy.sparse.csr_matrix(rows),
        scipy.sparse.coo_array(rows),
        rows.tolist(),
    ):
        assert TableFeatures.fit(same) == expected
        assert torch.equal(expected.apply(same), expected.apply(rows))


def test_chunks_and_blocks_of_columns_make_no_difference(monkeypatch):
    rows = np.random.default_rng(5).standard_normal((200, 7))
    rows[150, 2] = np.nan
    expected = TableFeatures.fit(rows, weights=np.arange(200))
    inputs = expected.apply(rows)
    monkeypatch.setattr("qimlp.data.tables.frames._CHUNK_ELEMENTS", 21)
    monkeypatch.setattr("qimlp.data.tables.numbers._BLOCK_ELEMENTS", 400)
    for matrix in (rows, scipy.sparse.csr_array(rows), dict(zip("abcdefg", rows.T, strict=True))):
        again = TableFeatures.fit(matrix, weights=np.arange(200))
        assert again.scaling == expected.scaling
        assert torch.equal(again.apply(matrix), inputs)


def test_many_rows_are_sampled(monkeypatch):
    rows = np.random.default_rng(6).standard_normal((20_000, 2))
    rows[::50, 1] = np.nan
    exact = TableFeatures.fit(rows).scaling
    monkeypatch.setattr("qimlp.data.tables.numbers._SAMPLE", 5_000)
    sampled = TableFeatures.fit(rows).scaling
    assert sampled == TableFeatures.fit(rows).scaling != exact
    np.testing.assert_allclose(sampled.scale, exact.scale, rtol=0.05)
    assert sampled.missing == (False, True)


def test_values_that_a_sample_lacks_still_count(monkeypatch):
    monkeypatch.setattr("qimlp.data.tables.numbers._SAMPLE", 3)
    rows = np.zeros((500, 2))
    rows[77] = 8
    rows[:, 1] = np.where(rows[:, 1] == 8, 5, np.nan)
    rows[78, 1] = 9
    scaling = TableFeatures.fit(rows).scaling
    assert scaling.centre == (0, 7)
    assert scaling.scale == (8, 2)
    assert scaling.missing == (False, True)
