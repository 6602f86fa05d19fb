"""A limit of time for several processes: all stop at the same step, and go on together."""

import json

from qimlp.training import RunFolder
from tests.distributed.conftest import places
from tests.distributed.test_agreement import trained
from tests.tiny_runs import write_tiny

OPTIONS = ("--dims", "4x4,4x4,3x1", "--batch-size", "10", "--log-every", "3", "--device", "cpu")


def test_two_processes_stop_together_and_go_on(starter, tmp_path):
    data, out = write_tiny(tmp_path / "tiny.npz"), tmp_path / "runs"
    command = ["train", str(data), *OPTIONS, "--epochs", "3"]
    assert starter.run([*command, "--out", str(tmp_path / "straight")], places(2), 200) == [0, 0]
    # For one process the time is over at the first look, for the other it is not in sight.
    limited = [[*command, "--out", str(out), "--time-limit", text] for text in ("1d", "0.1s")]
    assert starter.run(limited, places(2), 100) == [75, 75]
    folder = RunFolder(out / "tiny-2b-4x4-4x4-3x1" / "seed-0")
    said = starter.lines()
    done = f"stopped after 0 of 3 epochs (step 3); resume with: qimlp train --resume {folder.path}"
    assert len(said) == 2
    assert all(done in line for line in said), said
    again = ["train", "--resume", str(folder.path)]
    assert starter.run(again, places(2), 200) == [0, 0], starter.lines()
    (weights, rows), (wanted, own) = trained(out), trained(tmp_path / "straight")
    assert rows == own
    assert all(bool((weights[name] == tensor).all()) for name, tensor in wanted.items())
    results = [json.loads(place.read_text()) for place in tmp_path.glob("*/*/*/result.json")]
    assert results[0]["test"] == results[1]["test"]
