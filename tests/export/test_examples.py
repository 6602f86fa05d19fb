"""Raw examples from a run's scaled batches, and outputs judged by the task."""

import numpy as np
import pytest
import torch

from qimlp.data import Scaling
from qimlp.export.describe import describe
from qimlp.export.examples import Examples, raw_examples
from qimlp.models import MLP
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification, Regression


def predictor(task, shape=(2, 6), **more):
    given = {
        "features": Features(order=tuple(torch.randperm(12).tolist())),
        "scaling": Scaling("overall", 12, (33.1,), (78.3,)),
    }
    network = MLP([12, task.num_outputs]).double().eval()
    return Predictor(network=network, task=task, feature_shape=shape, **{**given, **more})


def test_pixels_come_back_exactly_and_no_more_than_asked_for():
    subject = predictor(Classification(("a", "b")))
    pixels = torch.randint(0, 256, (20, 12)).to(torch.uint8)
    batches = [(x, torch.arange(len(x))) for x in subject.batches(subject.features.ordered(pixels))]
    found = raw_examples(describe(subject), [*batches, *batches], 25)
    np.testing.assert_array_equal(found.rows[:20], pixels)
    np.testing.assert_array_equal(found.rows[20:], pixels[:5])
    assert found.targets.tolist() == [*range(20), *range(5)]


def test_columns_come_back_with_their_offsets():
    scaling = Scaling("standardize", 12, tuple(range(12)), tuple(range(1, 13)))
    features = Features(offsets=(1e6,) * 12, order=tuple(reversed(range(12))))
    subject = predictor(Classification(("a", "b")), (12,), features=features, scaling=scaling)
    raw = torch.randn(9, 12, dtype=torch.float64)
    x = (features.ordered(raw - 1e6) - torch.arange(12.0)) / torch.arange(1.0, 13.0)
    found = raw_examples(describe(subject), [(x, torch.zeros(9))], 99)
    np.testing.assert_allclose(found.rows, raw, atol=1e-8)


def test_outputs_are_judged_by_the_task():
    described = describe(predictor(Classification(("a", "b"))))
    examples = Examples(np.zeros((4, 12)), torch.tensor([0, 1, 1, 1]))
    outputs = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.0, 0.1]])
    assert examples.score(described, outputs) == 0.75


def test_values_in_their_own_units_are_judged():
    task = Regression(("y",), (10.0,), (5.0,))
    targets = task.prepare(torch.tensor([[10.0], [20.0], [30.0]]))
    examples = Examples(np.zeros((3, 12)), targets)
    described = describe(predictor(task))
    assert examples.score(described, np.array([[10.0], [20.0], [30.0]])) == pytest.approx(1)
    worse = examples.score(described, np.array([[15.0], [20.0], [30.0]]))
    assert worse == pytest.approx(1 - 25 / 200)  # R2
