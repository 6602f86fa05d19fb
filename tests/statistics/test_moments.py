import math

import pytest
import torch

from qimlp.statistics import Moments
from tests.correlation.example_states import random_vectors


def test_moments_do_not_depend_on_the_chunks():
    values = random_vectors(1000, 2) * torch.tensor([1.0, 1e-3]) + torch.tensor([5.0, 1e3])
    moments = Moments(2)
    for chunk in values.split([1, 0, 99, 500, 400]):
        moments.add(chunk)
    for column, estimate in enumerate(moments.estimates()):
        own = values[:, column]
        assert estimate.mean == pytest.approx(float(own.mean()), rel=1e-12)
        assert estimate.std == pytest.approx(float(own.std()), rel=1e-9)
        half = 1.959964 * float(own.std()) / math.sqrt(1000)
        assert estimate.high - estimate.mean == pytest.approx(half, rel=1e-6)
        assert estimate.count == 1000
    with pytest.raises(ValueError, match="expected at least one sample"):
        Moments(1).estimates()
