"""Weights & Biases and MLflow: told what metrics.jsonl gets, and nobody else is ever told."""

import json
import os
import subprocess
import sys
from types import ModuleType

import pytest

from qimlp.training import TrainingInterrupted, fit, resume
from qimlp.training.runs.folder import RunFolder
from tests.training.runs.test_resume import PressCtrlC, at_epoch

TEST_NAMES = {"loss/test", "accuracy/test", "parameters", "best epoch"}


def expected_rows(folder):
    """What a tracker is to hold: an epoch's numbers by its step."""
    return {
        row["step"]: {
            "loss/train": row["train_loss"],
            "loss/dev": row["dev"]["loss"],
            "accuracy/dev": row["dev"]["accuracy"],
            "learning rate": row["lr"],
        }
        for row in folder.read_metrics()
    }


def expected_result(folder):
    result = folder.read_result()
    found = {f"{name}/test": value for name, value in result.test.items()}
    return {**found, "parameters": result.parameters, "best epoch": result.best_epoch}


def wandb_records(content):
    """Records of a .wandb file: chunks in blocks of 32 KiB, as LevelDB writes its log."""
    assert content[:4] == b":W&B"
    place, record = 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        record += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last chunk
            yield record
            record = b""


class FakeError(Exception):
    """Stands for wandb.errors.Error."""


@pytest.fixture
def wandb(monkeypatch):
    """A wandb that writes down what it is told."""
    told = []

    class Fake:
        def __init__(self, project, **given):
            told.append(("init", project, given))

        def start(self):
            told.append(("start",))

        def store_init_configuration(self, values):
            told.append(("config", values))

        def log(self, values, step):
            if getattr(FakeError, "raised", None) == step:
                raise FakeError("the server\nis gone")
            told.append(("log", step, values))

        def finish(self):
            told.append(("finish",))

    monkeypatch.setattr("accelerate.tracking.WandBTracker", Fake)
    module, errors = ModuleType("wandb"), ModuleType("wandb.errors")
    errors.Error = FakeError
    module.errors = errors
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setitem(sys.modules, "wandb.errors", errors)
    monkeypatch.setattr("qimlp.training.recording.trackers.find_spec", lambda _: True)
    for name in ("WANDB_PROJECT", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    return told


def test_a_run_is_told_with_settings_epochs_and_result(settings, tmp_path, wandb):
    chosen = settings(track="wandb")
    folder = RunFolder(fit(chosen, out=tmp_path / "runs").folder)
    (_, project, given), started, config, *rows, end = wandb
    assert (project, started, end) == ("qimlp", ("start",), ("finish",))
    known = json.loads((folder.path / "tracking.json").read_text())["wandb"]
    name = "/".join(folder.path.parts[-2:])
    assert given == {"name": name, "id": known, "resume": "allow", "dir": str(folder.path)}
    assert config == ("config", chosen.model_dump(mode="json"))
    *epochs, (_, last, result) = rows
    assert {step: values for _, step, values in epochs} == expected_rows(folder)
    assert (last, result) == (24, expected_result(folder))
    assert fit(settings(), out=tmp_path / "alone").test == folder.read_result().test


def test_a_resumed_run_is_the_same_one_there(settings, tmp_path, wandb):
    chosen = settings(track="wandb")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path, on_event=PressCtrlC(at_epoch(1)))
    assert wandb[-1] == ("finish",)
    folder = RunFolder.of(tmp_path, chosen)
    resume(folder.path)
    ids = [told[2]["id"] for told in wandb if told[0] == "init"]
    assert len(ids) == 2
    assert ids[0] == ids[1]
    assert len([told for told in wandb if told[0] == "config"]) == 1
    logged = [(step, values) for kind, *rest in wandb if kind == "log" for step, values in [rest]]
    assert [step for step, _ in logged] == [8, 8, 16, 24, 24]  # the last known one twice
    assert dict(logged[:-1]) == expected_rows(folder)
    assert logged[-1] == (24, expected_result(folder))


def test_two_runs_are_two_there(settings, tmp_path, wandb):
    for seed in (0, 1):
        fit(settings(track="wandb", seed=seed, epochs=1), out=tmp_path)
    ids = {told[2]["id"] for told in wandb if told[0] == "init"}
    assert len(ids) == 2


def test_the_users_own_project_and_folder_are_taken(settings, tmp_path, wandb, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_DIR", "/elsewhere")
    fit(settings(track="wandb", epochs=1), out=tmp_path)
    assert wandb[0][1] == "mine"
    assert wandb[0][2]["dir"] == "/elsewhere"


def test_a_tracker_that_fails_is_one_line_and_the_run_goes_on_later(
    settings, tmp_path, wandb, monkeypatch
):
    chosen = settings(track="wandb")
    with monkeypatch.context() as patch:
        patch.setattr(FakeError, "raised", 16, raising=False)
        with pytest.raises(OSError, match="track wandb: the server is gone; log in with") as caught:
            fit(chosen, out=tmp_path)
    assert "\n" not in str(caught.value)
    folder = RunFolder.of(tmp_path, chosen)
    assert len(folder.read_metrics()) == 2
    assert resume(folder.path).test == fit(settings(), out=tmp_path / "straight").test


@pytest.mark.parametrize("kind", ["wandb", "mlflow"])
def test_a_package_that_is_missing_is_named_before_anything_is_made(
    settings, tmp_path, monkeypatch, kind
):
    monkeypatch.setattr("qimlp.training.recording.trackers.find_spec", lambda _: None)
    with pytest.raises(ImportError, match=f"{kind} is not installed; pip install {kind}$"):
        fit(settings(track=kind), out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.filterwarnings("ignore")  # of its own libraries
def test_wandb_itself_offline(settings, tmp_path, monkeypatch):
    library = pytest.importorskip("wandb", reason="wandb is not installed")
    from wandb.proto import wandb_internal_pb2

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    chosen = settings(track="wandb")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path, on_event=PressCtrlC(at_epoch(1)))
    folder = RunFolder.of(tmp_path, chosen)
    resume(folder.path)
    library.teardown()  # its service has written everything
    known = json.loads((folder.path / "tracking.json").read_text())["wandb"]
    rows, config, names = {}, {}, set()
    for path in sorted(folder.path.glob("wandb/offline-run-*/*.wandb")):
        assert path.name == f"run-{known}.wandb"
        for data in wandb_records(path.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            if record.HasField("run"):
                names.add(record.run.display_name)
            for item in record.run.config.update:
                config[item.key] = json.loads(item.value_json)
            for item in record.config.update:
                config[item.key] = json.loads(item.value_json)
            items = {i.key or "/".join(i.nested_key): i.value_json for i in record.history.item}
            values = {name: json.loads(text) for name, text in items.items() if name[0] != "_"}
            if values:
                rows.setdefault(json.loads(items["_step"]), {}).update(values)
    assert names == {"/".join(folder.path.parts[-2:])}
    assert chosen.model_dump(mode="json").items() <= config.items()
    expected = expected_rows(folder)
    expected[24] |= expected_result(folder)
    assert rows == expected
    assert not (tmp_path / "wandb").exists()


@pytest.mark.filterwarnings("ignore")  # of its own libraries
def test_mlflow_itself(settings, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    chosen = settings(track="mlflow")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path, on_event=PressCtrlC(at_epoch(1)))
    folder = RunFolder.of(tmp_path, chosen)
    resume(folder.path)
    (run,) = mlflow.search_runs(experiment_names=["qimlp"], output_format="list")
    assert run.info.run_id == json.loads((folder.path / "tracking.json").read_text())["mlflow"]
    assert run.info.run_name == "/".join(folder.path.parts[-2:])
    assert run.data.params["epochs"] == "3"
    assert run.data.params["dims"] == str([[4, 4], [4, 4], [3, 1]])
    client, rows = mlflow.MlflowClient(), {}
    for name in run.data.metrics:
        for metric in client.get_metric_history(run.info.run_id, name):
            rows.setdefault(metric.step, {})[name] = metric.value
    expected = expected_rows(folder)
    expected[24] |= expected_result(folder)
    assert rows == expected


def test_a_training_opens_no_socket(tiny, tmp_path):
    """Python's own sockets, of whatever library, from the first import to the end."""
    script = f"""
import sys
def watch(event, arguments):
    if event.startswith("socket."):
        sys.stderr.write(f"{{event}} {{arguments}}\\n")
        sys.stderr.flush()
        import os; os._exit(99)
sys.addaudithook(watch)
if len(sys.argv) > 1:
    import socket
    socket.socket()
sys.argv = ["qimlp", "train", {str(tiny)!r}, "--dims", "4x4,3x1", "--epochs", "2",
            "--device", "cpu", "--out", {str(tmp_path / "runs")!r}]
from qimlp.cli import main
main()
"""
    seen = subprocess.run([sys.executable, "-c", script, "x"], capture_output=True, check=False)
    assert seen.returncode == 99  # the watch sees one
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, "HF_HUB_OFFLINE": "0"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "runs" / "comparison.md").exists()
