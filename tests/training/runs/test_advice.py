"""Lines that a run starts with."""

import pytest

from qimlp.predictor.network import layer_sizes
from qimlp.settings import resolve_settings
from qimlp.training import RunStarted, fit
from qimlp.training.runs.advice import advice

NAMES = ("a", "b", "c")


def given(features=16, *, names=NAMES, rows=10_000, steps=200, **options):
    settings = resolve_settings({"data": "x.csv", **options})
    sizes = layer_sizes(settings.network, in_features=features, out_features=len(names))
    return advice(settings, sizes, train_rows=rows, steps_per_epoch=steps)


def test_nothing_to_say():
    assert given() == ()
    assert given(13, model="mlp") == ()
    assert given(13, dims="1x13,1x3") == ()  # as asked for
    assert given(64, names=("no", "yes")) == ()  # a prime number of classes is harmless


@pytest.mark.parametrize(
    ("features", "options", "words"),
    [
        (3001, {}, ("2b: ", "3001 is prime", "a dense layer", "3,000 of them make 50x60")),
        (13, {"rank": 2}, ("2b-rank2: ", "13 is prime", "12 of them make 3x4")),
        (13, {"depth": 1}, ("13 is prime", "12 of them make 3x4")),
        (26, {"model": "3b"}, ("factor of size 1", "27 of them make 3x3x3")),
        (1, {}, ("width 1 cannot be factorised", "4 of them make 2x2")),
    ],
)
def test_bodies_of_size_1(features, options, words):
    (line,) = given(features, **options)
    for word in words:
        assert word in line
    assert "\n" not in line


def test_few_steps_with_the_default_number_of_epochs():
    (line,) = given(rows=640, steps=13)
    assert "640 training rows make 13 steps an epoch: 20 epochs are few" in line
    assert "--epochs 154 makes about 2,000 steps" in line
    assert given(rows=640, steps=13, epochs=60) == ()
    assert given(rows=1000, steps=20) == ()


def test_a_run_tells_it_when_it_starts(settings, tmp_path):
    events = []
    fit(settings(epochs=20), out=tmp_path, on_event=events.append)
    (started,) = [event for event in events if isinstance(event, RunStarted)]
    (note,) = started.notes
    assert "80 training rows make 8 steps an epoch" in note
