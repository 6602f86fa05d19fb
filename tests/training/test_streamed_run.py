"""A run whose data stays on disk."""

import signal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qimlp.training import TrainingInterrupted, fit, load_run, resume
from qimlp.training.runs.folder import RunFolder


@pytest.fixture
def table(tmp_path, tiny):
    """The small data set as a folder of Parquet tables, 16 columns."""
    arrays = np.load(tiny)
    folder = tmp_path / "flat"
    folder.mkdir()
    for part in ("train", "test"):
        flat = arrays[f"x_{part}"].reshape(-1, 16)
        columns = {f"f{i:02}": flat[:, i] for i in range(16)}
        rows = pa.table({**columns, "label": arrays[f"y_{part}"]})
        pq.write_table(rows, folder / f"{part}-0.parquet")
    return folder


def test_streamed_and_in_memory_learn_alike(settings, table, tmp_path):
    results = {
        streaming: fit(
            settings(data=str(table), streaming=streaming, epochs=12),
            out=tmp_path / str(streaming),
        )
        for streaming in (True, False)
    }
    assert results[True].test["accuracy"] > 0.8
    assert results[True].test["accuracy"] == pytest.approx(
        results[False].test["accuracy"], abs=0.15
    )
    trained = load_run(results[True].folder, device="cpu")
    assert trained.evaluate_test().accuracy == results[True].test["accuracy"]


def test_streamed_rows_are_not_split_into_blocks(settings, table, tmp_path):
    chosen = settings(data=str(table), streaming=True, dev_split="blocks")
    with pytest.raises(ValueError, match="dev_split blocks: .* turn streaming off"):
        fit(chosen, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_streamed_run_resumes_as_if_it_had_never_stopped(settings, table, tmp_path):
    chosen = settings(data=str(table), streaming=True, log_every=1)
    straight = fit(chosen, out=tmp_path / "straight")

    def press(event):
        if getattr(event, "step", None) == 11:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=press)
    resumed = resume(RunFolder.of(tmp_path / "stopped", chosen).path)
    assert resumed.test["loss"] == straight.test["loss"]
    assert resumed.dev_curve == straight.dev_curve
