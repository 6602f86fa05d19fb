"""Training in memory: no folder, no disk; callbacks follow, stop and end it."""

import pytest
import torch

from qimlp import QiMLP
from qimlp.data import InMemoryBatches, Scaling, TensorSplit
from qimlp.settings import ComputeSettings, OptimisationSettings
from qimlp.tasks import Classification, LossOptions, Regression
from qimlp.training import Callback, NonFiniteLossError, Trainer

QUICK = OptimisationSettings(epochs=5, batch_size=10, lr=0.02)


def parts(task, *, count=120, noise=0.1):
    """Train and dev batches of a linear problem of 16 features."""
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 16, generator=random)
    outputs = inputs @ torch.randn(16, task.num_outputs, generator=random)
    outputs += noise * torch.randn(outputs.shape, generator=random)
    if isinstance(task, Regression):
        task = task.fitted(outputs.double(), LossOptions())
        targets = task.prepare(outputs.double())
    else:
        targets = outputs.argmax(dim=1)
    scaling = Scaling.fit("none", TensorSplit(inputs, targets), (16,))
    batches = []
    for rows, shuffle in ((slice(0, 100), True), (slice(100, None), False)):
        split = TensorSplit(inputs[rows].contiguous(), targets[rows])
        batches.append(InMemoryBatches(split, 10, scaling=scaling, seed=0, shuffle=shuffle))
    return task, batches


def make(task, optimisation=QUICK, **options):
    torch.manual_seed(0)
    network = QiMLP([(4, 4), (4, 4), (task.num_outputs, 1)], bias="dense")
    task, (train, dev) = parts(task)
    return Trainer(network, task, optimisation, train=train, dev=dev, **options)


class Recorder(Callback):
    def __init__(self):
        self.seen = []

    def on_start(self, trainer):
        self.seen.append("start")

    def on_steps(self, trainer, steps):
        self.seen.append(("steps", steps.step))

    def on_epoch(self, trainer, epoch):
        self.seen.append(("epoch", epoch.epoch))

    def on_stop(self, trainer):
        self.seen.append("stop")

    def on_end(self, trainer):
        self.seen.append("end")


@pytest.mark.parametrize("task", [Classification(("a", "b", "c")), Regression.of(("x", "y"))])
def test_it_learns_in_memory_and_keeps_the_best_epoch(task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer = make(task, QUICK.model_copy(update={"epochs": 30}))
    assert trainer.fit()
    epochs = trainer.state.progress.epochs
    assert len(epochs) == 30
    assert epochs[-1].dev["loss"] < 0.5 * epochs[0].dev["loss"]
    best = [epoch for epoch in epochs if epoch.best][-1]
    trainer.state.use_best()
    assert trainer.evaluate(trainer.dev_batches).metrics == best.dev
    assert list(tmp_path.iterdir()) == []


def test_callbacks_are_told_in_order():
    recorder = Recorder()
    twice = QUICK.model_copy(update={"epochs": 2})
    make(Classification(("a", "b")), twice, callbacks=[recorder]).fit()
    assert recorder.seen == [
        "start",
        *(("steps", 10), ("epoch", 1)),
        *(("steps", 20), ("epoch", 2)),
        "end",
    ]


@pytest.mark.parametrize("stop_at", [7, 10, 23])
def test_a_stopped_training_goes_on_as_if_it_had_not(stop_at):
    task = Classification(("a", "b", "c"))
    straight = make(task)
    assert straight.fit()
    recorder = Recorder()
    stopped = make(task, callbacks=[recorder])
    stopped._should_stop = lambda: stopped.state.progress.step >= stop_at
    assert not stopped.fit()
    assert recorder.seen[-2:] == ["stop", "end"]
    assert stopped.state.progress.step == stop_at
    stopped._should_stop = lambda: False
    assert stopped.fit()
    first, second = (t.state.network.state_dict() for t in (straight, stopped))
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [[epoch.dev["loss"] for epoch in t.state.progress.epochs] for t in (straight, stopped)]
    assert losses[0] == losses[1]


def test_what_a_callback_raises_ends_the_training():
    class Pruner(Callback):
        def on_epoch(self, trainer, epoch):
            raise KeyError(epoch.epoch)

    recorder = Recorder()
    trainer = make(Classification(("a", "b")), callbacks=[recorder, Pruner()])
    with pytest.raises(KeyError, match="1"):
        trainer.fit()
    assert recorder.seen[-1] == "end"
    assert len(trainer.state.progress.epochs) == 1


def test_a_watched_test_set_decides_nothing():
    task, (train, dev) = parts(Classification(("a", "b", "c")))
    results = []
    for watched in (None, dev):
        torch.manual_seed(0)
        network = QiMLP([(4, 4), (3, 1)], bias="dense")
        trainer = Trainer(network, task, QUICK, train=train, dev=dev, watched=watched)
        trainer.fit()
        results.append(trainer.state.progress.epochs)
    assert [epoch.dev for epoch in results[0]] == [epoch.dev for epoch in results[1]]
    assert all(epoch.test is None for epoch in results[0])
    assert all(epoch.test == epoch.dev for epoch in results[1])


def test_divergence_is_said():
    trainer = make(Regression.of(("x",)), QUICK.model_copy(update={"lr": 1e30}))
    with pytest.raises(NonFiniteLossError, match=r"loss became (inf|nan) in epoch 1"):
        trainer.fit()


def test_settings_of_compute_are_taken():
    trainer = make(Classification(("a", "b")), compute=ComputeSettings(dtype="float64"))
    assert trainer.fit()
    assert {p.dtype for p in trainer.state.network.parameters()} == {torch.float64}


def test_without_dev_batches_no_epoch_is_the_best_and_the_network_is_the_same():
    task = Classification(("a", "b", "c"))
    with_dev, without = make(task), make(task)
    without.dev_batches = []
    assert with_dev.fit()
    assert without.fit()
    epochs = without.state.progress.epochs
    assert [(epoch.dev, epoch.best) for epoch in epochs] == [({}, False)] * 5
    assert [e.train_loss for e in epochs] == [e.train_loss for e in with_dev.state.progress.epochs]
    assert without.state.best == {}
    expected = with_dev.state.evaluated.state_dict()
    for name, value in without.state.evaluated.state_dict().items():
        assert torch.equal(value, expected[name])
