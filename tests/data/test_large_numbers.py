"""Numbers that are large and close together, in four formats: read as if they had been centred."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from qimlp.data import Scaling, TensorSplit, load, load_inputs

ROWS = 400
SMALL = np.random.default_rng(0).normal(size=(ROWS, 2))
LABELS = (SMALL[:, 0] * SMALL[:, 1] > 0).astype(np.int64)
FORMATS = ("csv", "npz", "parquet", "stream")

COLUMNS = {
    "seconds": np.round(1.7e9 + SMALL * 3, 6),
    "milliseconds": (1.7e12 + np.round(SMALL * 50)).astype(np.int64),
    "nanoseconds": 1_700_000_000_000_000_000 + np.round(SMALL * 1e6).astype(np.int64),
    "metres": np.round(np.array([432_100.0, 5_412_345.0]) + SMALL * 0.05, 4),
    "identifiers": 2**62 + np.round(SMALL * 9).astype(np.int64),
}


def write(tmp_path, kind: str, values: np.ndarray):
    path = tmp_path / f"t.{'parquet' if kind == 'stream' else kind}"
    if kind == "npz":
        np.savez(path, x=values, y=LABELS)
        return path
    frame = pd.DataFrame({"a": values[:, 0], "b": values[:, 1], "label": LABELS})
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def scaled(path, *, streaming: bool) -> tuple[np.ndarray, tuple, np.ndarray]:
    """All rows of the file, scaled as a run scales them; offsets; and mean of each feature."""
    data = load(str(path), streaming=streaming)
    known = data.sample() if streaming else data.train
    scaling = Scaling.fit("standardize", known, data.feature_shape)
    names = data.feature_names
    found = load_inputs(path, data.feature_shape, feature_names=names, offsets=data.offsets)
    if streaming:  # the batches see the same
        batches = data.batches("train", 50, scaling=scaling, seed=0, shuffle=False, dev_fraction=0)
        seen = torch.cat([inputs for inputs, _ in batches])
        kept = torch.arange(ROWS) % 5 != 4
        torch.testing.assert_close(seen, scaling.apply(found.inputs)[kept], rtol=0, atol=0)
    return scaling.apply(found.inputs).numpy(), data.offsets, np.array(scaling.scale)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", COLUMNS)
def test_nothing_is_lost(tmp_path, kind, name):
    values = COLUMNS[name]
    inputs, offsets, scale = scaled(write(tmp_path, kind, values), streaming=kind == "stream")
    assert len(offsets) == 2
    exact = (values - values[0]).astype(np.float64)  # float64 holds these differences
    wanted = (exact - exact.mean(axis=0)) / scale
    error = np.abs(inputs - inputs.mean(axis=0) - wanted).max()
    assert error < 1e-5
    assert scale == pytest.approx(exact.std(axis=0), rel=0.2)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("middle", [0.0, 100.0])
def test_what_needs_no_offset_has_none(tmp_path, kind, middle):
    path = write(tmp_path, kind, SMALL + middle)
    data = load(str(path), streaming=kind == "stream")
    assert data.offsets == ()
    if kind != "stream":
        wanted = np.sort((SMALL + middle).astype(np.float32), axis=0)
        both = np.concatenate([data.train.inputs, data.test.inputs])
        assert np.sort(both, axis=0).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("kind", FORMATS)
def test_data_to_predict_is_shifted_by_the_offset_of_the_run(tmp_path, kind):
    offsets = (1_700_000_000, 0)
    path = write(tmp_path, kind, np.round(SMALL, 6) + np.array([1_700_000_000.0, 5.0]))
    names = () if kind == "npz" else ("a", "b")
    found = load_inputs(path, (2,), feature_names=names, offsets=offsets)
    np.testing.assert_allclose(found.inputs[:, 0], SMALL[:, 0], rtol=0, atol=2e-6)
    np.testing.assert_allclose(found.inputs[:, 1], SMALL[:, 1] + 5, rtol=0, atol=2e-6)
    with pytest.raises(ValueError, match="expected 3 features"):
        load_inputs(path, (3,), offsets=(1, 2, 3))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("streaming", [False, True])
def test_time_stamps_of_parquet(tmp_path, unit, zone, streaming):
    seconds = np.random.default_rng(0).integers(0, 3600, ROWS)
    times = (np.datetime64("2024-05-01", "s") + seconds).astype(f"datetime64[{unit}]")
    column = pa.array(times, type=pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    pq.write_table(pa.table({"t": column, "label": LABELS}), tmp_path / "t.parquet")
    inputs, offsets, _ = scaled(tmp_path / "t.parquet", streaming=streaming)
    assert isinstance(offsets[0], int)
    wanted = (seconds - seconds.mean()) / seconds.std()
    assert np.corrcoef(inputs[:, 0], wanted)[0, 1] > 1 - 1e-9


def test_dates_times_and_durations_of_parquet(tmp_path):
    day = dt.date(2024, 1, 1)
    values = [day + dt.timedelta(days=row * row) for row in range(20)]
    table = {
        "date": values,
        "time": [dt.time(0, 0, row * row % 60) for row in range(20)],
        "took": [dt.timedelta(seconds=row * row) for row in range(20)],
        "label": LABELS[:20],
    }
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    found = load_inputs(tmp_path / "t.parquet", (3,), feature_names=("date", "time", "took"))
    wanted = [[19723 + n * n, n * n % 60 * 1e6, n * n * 1e6] for n in range(20)]
    np.testing.assert_array_equal(found.inputs, np.array(wanted, dtype=np.float32))


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%f"]
)
def test_dates_of_csv(tmp_path, form):
    seconds = np.random.default_rng(0).integers(0, 3600, ROWS)
    begin = dt.datetime(2024, 5, 1)
    rows = [
        f"{(begin + dt.timedelta(seconds=int(second))).strftime(form)},{label}\n"
        for second, label in zip(seconds, LABELS, strict=True)
    ]
    (tmp_path / "t.csv").write_text("when,label\n" + "".join(rows))
    inputs, _, _ = scaled(tmp_path / "t.csv", streaming=False)
    assert np.corrcoef(inputs[:, 0], seconds)[0, 1] > 1 - 1e-9
    (note,) = load(str(tmp_path / "t.csv")).notes
    assert "dates in 'when' are read as microseconds since 1970" in note


@pytest.mark.parametrize("cell", ["", "soon", "2024-13-01", "01.05.2024"])
def test_what_is_no_date_in_a_column_of_dates(tmp_path, cell):
    (tmp_path / "t.csv").write_text(f"when,label\n2024-05-01,0\n{cell},1\n")
    message = "row 2, column 'when' is empty" if not cell else "column 'when' begins with a date"
    with pytest.raises(ValueError, match=message):
        load(str(tmp_path / "t.csv"))


def test_dates_of_another_form_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("when,label\n01.05.2024,0\n02.05.2024,1\n")
    with pytest.raises(ValueError, match=r"column 'when' holds text.*dates are written 2024-01-31"):
        load(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("kind", ["list", "large", "fixed"])
@pytest.mark.parametrize("streaming", [False, True])
def test_lists_of_numbers_are_features(tmp_path, kind, streaming):
    lists = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
    types = {
        "list": pa.list_(pa.float32()),
        "large": pa.large_list(pa.float64()),
        "fixed": pa.list_(pa.float32(), 3),
    }
    column = pa.array([row.tolist() for row in lists], type=types[kind])
    table = {"n": SMALL[:, 0], "embedding": column, "b": LABELS > 0, "label": LABELS}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    data = load(str(tmp_path / "t.parquet"), streaming=streaming)
    names = ("n", "embedding[0]", "embedding[1]", "embedding[2]", "b")
    assert data.feature_names == names
    assert data.feature_shape == (5,)
    wanted = np.column_stack([SMALL[:, 0], lists, LABELS > 0]).astype(np.float32)
    found = load_inputs(tmp_path / "t.parquet", (5,), feature_names=names)
    np.testing.assert_array_equal(found.inputs, wanted)
    other = pa.table({"b": LABELS > 0, "embedding": column, "n": SMALL[:, 0], "more": SMALL[:, 0]})
    pq.write_table(other, tmp_path / "new.parquet")
    found = load_inputs(tmp_path / "new.parquet", (5,), feature_names=names)
    np.testing.assert_array_equal(found.inputs, wanted)
    with pytest.raises(ValueError, match=r"missing 'embedding\[3\]'"):
        load_inputs(tmp_path / "new.parquet", (1,), feature_names=("embedding[3]",))


def test_large_numbers_in_lists_are_shifted(tmp_path):
    column = pa.array([row.tolist() for row in COLUMNS["seconds"]])
    pq.write_table(pa.table({"e": column, "label": LABELS}), tmp_path / "t.parquet")
    inputs, offsets, _ = scaled(tmp_path / "t.parquet", streaming=False)
    assert len(offsets) == 2
    assert np.corrcoef(inputs[:, 0], SMALL[:, 0])[0, 1] > 1 - 1e-9


@pytest.mark.parametrize("streaming", [False, True])
def test_decimals_and_categories_are_features(tmp_path, streaming):
    decimals = [decimal.Decimal(f"{value:.3f}") for value in 1.7e9 + SMALL[:, 0]]
    codes = pa.array(np.arange(ROWS) % 7).dictionary_encode()
    table = pa.table({"d": decimals, "c": codes, "label": LABELS})
    pq.write_table(table, tmp_path / "t.parquet")
    inputs, offsets, _ = scaled(tmp_path / "t.parquet", streaming=streaming)
    assert offsets[1] == 0
    assert np.corrcoef(inputs[:, 0], np.array(decimals, dtype=float))[0, 1] > 1 - 1e-9


def test_streamed_sample_is_shifted(tmp_path):
    data = load(str(write(tmp_path, "stream", COLUMNS["seconds"])), streaming=True)
    sample = data.sample()
    assert isinstance(sample, TensorSplit)
    assert sample.inputs.abs().max() < 20
