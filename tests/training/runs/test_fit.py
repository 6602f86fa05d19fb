"""The protocol of a run and what it leaves behind."""

import json

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from qimlp.data import DataSet, load
from qimlp.distributed.process_group import connect
from qimlp.models import load_pretrained
from qimlp.predictor.evaluation import evaluate
from qimlp.predictor.network import count_dense_parameters
from qimlp.tasks import Classification
from qimlp.training import (
    EpochDone,
    NonFiniteLossError,
    RunFinished,
    RunStarted,
    StepsDone,
    fit,
    resume,
)
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.folder import RunFolder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "runs"


def test_a_run_learns_and_leaves_a_whole_folder(settings, out):
    chosen = settings(epochs=12)
    result = fit(chosen, out=out)
    folder = RunFolder(result.folder)
    assert folder.path == out / "tiny-2b-4x4-4x4-3x1" / "seed-0"
    assert result.test["accuracy"] > 0.8
    assert result.parameters == (16 + 16 + 4 + 4) + (12 + 4 + 3 + 1)
    assert result.dense_parameters == count_dense_parameters([(4, 4), (4, 4), (3, 1)]) == 323
    assert result.compression == pytest.approx(323 / result.parameters)
    assert result.seconds_per_step > 0

    assert folder.read_settings() == chosen
    assert folder.read_result() == result
    assert set(json.loads(folder.versions_file.read_text())) == {
        "qimlp",
        "python",
        "torch",
        "platform",
    }
    prepared = folder.read_preparation()
    assert prepared.task == Classification(("0", "1", "2"))
    assert prepared.feature_shape == (4, 4)
    lines = [json.loads(line) for line in folder.metrics_file.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert [line["dev"]["accuracy"] for line in lines] == result.dev_curve
    curves = EventAccumulator(str(folder.tensorboard)).Reload()
    dev = curves.Scalars("accuracy/dev")
    assert [point.value for point in dev] == pytest.approx(result.dev_curve)
    assert [point.step for point in dev] == [8 * epoch for epoch in range(1, 13)]
    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        ".lock",
        "README.md",
        "best",
        "last",
        "metrics.jsonl",
        "preprocess.json",
        "result.json",
        "settings.json",
        "tensorboard",
        "versions.json",
    }


def test_the_kept_weights_are_those_of_the_best_dev_epoch(settings, out):
    chosen = settings(epochs=8, lr=0.1)
    result = fit(chosen, out=out)
    assert result.dev["accuracy"] == max(result.dev_curve)
    assert result.best_epoch == result.dev_curve.index(result.dev["accuracy"]) + 1
    data, processes = TrainingData(chosen), connect("cpu")
    model = load_pretrained(RunFolder(result.folder).best)
    dev = evaluate(model, data.dev_batches(processes), task=data.task, processes=processes)
    test = evaluate(model, data.test_batches(processes), task=data.task, processes=processes)
    assert dev.accuracy == result.dev["accuracy"]
    assert (test.accuracy, test.loss) == (
        result.test["accuracy"],
        pytest.approx(result.test["loss"]),
    )


def test_the_test_set_is_read_once_at_the_end(settings, out):
    seen = []

    class Watched(DataSet):
        def __getattribute__(self, name):
            if name == "test":
                seen.append("test")
            return super().__getattribute__(name)

    chosen = settings()
    loaded = load(chosen.data, streaming=False)
    names = ("name", "train", "test", "class_names", "feature_shape", "fingerprint", "test_origin")
    watched = Watched(**{name: getattr(loaded, name) for name in names})
    seen.clear()
    fit(chosen, out=out, loaded=watched, on_event=lambda event: seen.append(type(event)))
    assert seen.count("test") == 1
    assert seen[-2:] == ["test", RunFinished]


def test_events_come_in_order(settings, out):
    events = []
    fit(settings(epochs=2), out=out, on_event=events.append)
    kinds = [type(event) for event in events]
    epoch = [StepsDone, StepsDone, StepsDone, EpochDone]  # steps 3, 6, 8; then 9, 12, 15, 16
    assert kinds == [RunStarted, *epoch, StepsDone, *epoch, RunFinished]
    assert [event.step for event in events if isinstance(event, StepsDone)] == [
        3,
        6,
        8,
        9,
        12,
        15,
        16,
    ]
    losses = [event.loss for event in events if isinstance(event, StepsDone)]
    train = [event.train_loss for event in events if isinstance(event, EpochDone)]
    assert (3 * losses[0] + 3 * losses[1] + 2 * losses[2]) / 8 == pytest.approx(train[0])


def test_equal_seeds_give_equal_runs_and_other_seeds_others(settings, tmp_path):
    curves = [
        fit(settings(seed=seed, epochs=4), out=tmp_path / str(n)).test["loss"]
        for n, seed in enumerate((0, 0, 1))
    ]
    assert curves[0] == curves[1] != curves[2]


def test_torch_random_state_and_threads_are_left_alone(settings, out):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fit(settings(epochs=1, threads=threads + 1), out=out)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "mlp"},
        {"dtype": "float64"},
        {"dtype": "bfloat16"},
        {"mixed_precision": "bf16"},
        {"ema_decay": "off", "schedule": "constant"},
        {"schedule": "cosine", "weight_decay": 0.01, "factor_lr_scale": 1.0},
        {"bias": "none", "rank": 2},
        {"batch_size": 1000, "epochs": 1, "log_every": 1000},
    ],
)
def test_every_kind_of_run_trains(settings, out, changes):
    result = fit(settings(**changes), out=out)
    assert 0 <= result.test["accuracy"] <= 1
    assert len(result.dev_curve) == settings(**changes).epochs
    assert result.memory["total"] > result.memory["parameters"] > 0


def test_a_run_folder_is_not_touched_twice(settings, out):
    chosen = settings(epochs=1)
    first = fit(chosen, out=out)
    before = RunFolder(first.folder).result_file.read_bytes()
    with pytest.raises(FileExistsError, match=r"--resume .* or --overwrite"):
        fit(chosen, out=out)
    assert RunFolder(first.folder).result_file.read_bytes() == before
    again = fit(settings(epochs=2), out=out, overwrite=True)
    assert len(again.dev_curve) == 2


def test_overwrite_spares_what_is_no_run_folder(settings, out):
    folder = RunFolder.of(out, settings()).path
    folder.mkdir(parents=True)
    (folder / "precious.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not a run folder"):
        fit(settings(), out=out, overwrite=True)
    assert (folder / "precious.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dims": "4x5,3x1"}, "20 to 3 features, but the data has 16"),
        ({"dims": "4x4,2x1"}, "the task 3 outputs"),
        ({"activation": "gello"}, "gello"),
        ({"data": "nowhere.npz"}, "nowhere.npz"),
        ({"dev_fraction": 0.001}, "dev"),
    ],
)
def test_what_does_not_fit_leaves_nothing_behind(settings, out, changes, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        fit(settings(**changes), out=out)
    assert not out.exists()


def test_a_loss_that_is_not_finite_stops_the_run(settings, out):
    chosen = settings(lr=1e30, schedule="constant", epochs=5, ema_decay="off")
    with pytest.raises(NonFiniteLossError, match="smaller learning rate") as caught:
        fit(chosen, out=out)
    assert "\n" not in str(caught.value)
    folder = RunFolder.of(out, chosen)
    assert folder.read_settings() == chosen
    assert folder.read_result() is None


def test_a_complete_run_is_not_trained_again(settings, out):
    events = []
    result = fit(settings(), out=out)
    assert resume(result.folder, on_event=events.append) == result
    assert events == []
