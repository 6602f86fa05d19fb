"""Several starts compared in short runs: which goes on, and what a stop in between does."""

import signal

import pytest
import torch

from qimlp.models import load_pretrained
from qimlp.predictor.network import build_network, layer_sizes
from qimlp.training import RunStarted, TrainingInterrupted, fit, resolve_settings, resume
from qimlp.training.runs.folder import RunFolder


def settings(**changes):
    common = {"data": "digits", "dims": "4x16,4x16,2x5", "device": "cpu", "threads": 1}
    quick = {"epochs": 2, "lr": 0.01, "starts": 3, "start_epochs": 1, "checkpoints": True}
    return resolve_settings({**common, **quick, **changes})


def folder(result):
    return RunFolder(result.folder)


def start(folder):
    return load_pretrained(folder.checkpoints / "epoch-0000").state_dict()


def train_alone(network_number, tmp_path, monkeypatch):
    """One start of `settings()` by itself: its loss in the short run and its weights after it."""

    def draw(chosen, sizes, **_):
        return [build_network(chosen, sizes) for _ in range(network_number + 1)][-1]

    monkeypatch.setattr("qimlp.training.opening.trainer.build_network", draw)
    short = settings(starts=1, epochs=1, ema_decay="off")
    done = folder(fit(short, out=tmp_path / str(network_number)))
    weights = load_pretrained(done.checkpoints / "epoch-0001").state_dict()
    return done.read_metrics()[0]["train_loss"], weights


def test_the_start_with_the_lowest_train_loss_goes_on(tmp_path, monkeypatch):
    chosen = start(folder(fit(settings(), out=tmp_path)))
    alone = [train_alone(number, tmp_path, monkeypatch) for number in range(3)]
    losses = [loss for loss, _ in alone]
    assert len(set(losses)) == 3
    for loss, weights in alone:
        same = all(torch.equal(weights[name], chosen[name]) for name in chosen)
        assert same == (loss == min(losses))


def test_one_start_is_the_seed_s_own(tmp_path):
    plain = start(folder(fit(settings(starts=1), out=tmp_path)))
    torch.manual_seed(0)
    sizes = layer_sizes(settings().network, in_features=64, out_features=10, data_set="digits")
    own = build_network(settings().network, sizes).state_dict()
    assert all(torch.equal(own[name], plain[name]) for name in own)


def test_a_stop_while_starts_are_compared_is_made_good_by_resuming(tmp_path):
    def stop(event):
        if isinstance(event, RunStarted):
            signal.raise_signal(signal.SIGINT)

    straight = fit(settings(), out=tmp_path / "straight")
    with pytest.raises(TrainingInterrupted, match="3 restarts were compared; .* --resume"):
        fit(settings(), out=tmp_path / "stopped", on_event=stop)
    resumed = resume(RunFolder.of(tmp_path / "stopped", settings()).path)
    assert resumed.dev_curve == straight.dev_curve
    expected, got = start(folder(straight)), start(folder(resumed))
    assert all(torch.equal(expected[name], got[name]) for name in expected)


def test_starts_with_an_encoder_are_refused():
    with pytest.raises(ValueError, match="expected restarts 1 with finetune, got 3"):
        settings(dims=None, text="encoder", finetune=True)
