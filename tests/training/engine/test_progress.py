"""Which epoch of a training is the best."""

import pytest

from qimlp.tasks import Classification, Regression
from qimlp.training.engine.events import EpochDone
from qimlp.training.engine.progress import is_best

CURVE = [(0.5, 1.0), (0.8, 0.9), (0.8, 0.7), (0.8, 0.8), (0.7, 0.1), (0.8, 0.6), (0.9, 2.0)]


@pytest.mark.parametrize(
    ("task", "ties", "wanted"),
    [
        (Classification(("a", "b")), "first", [1, 2, 7]),
        (Classification(("a", "b")), "loss", [1, 2, 3, 6, 7]),
        (Regression.of(("y",)), "first", [1, 2, 3, 5]),
        (Regression.of(("y",)), "loss", [1, 2, 3, 5]),
    ],
)
def test_of_equal_epochs_the_first_or_that_of_the_lowest_loss(task, ties, wanted):
    epochs: list[EpochDone] = []
    for number, (accuracy, loss) in enumerate(CURVE, start=1):
        dev = {"accuracy": accuracy, "loss": loss}
        best = is_best(task, ties, dev, epochs)
        epochs.append(EpochDone(number, number, 0.0, dev, 0.1, best, None))
    assert [epoch.epoch for epoch in epochs if epoch.best] == wanted
