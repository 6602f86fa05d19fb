"""Conformal quantiles: ranks by hand, coverage on new examples, order kept."""

import numpy as np
import pytest
import torch

from qimlp.tasks import LossOptions, Quantiles, task_from_dict
from qimlp.tasks.conformal import conformal_margins, with_margins

LEVELS = (0.1, 0.5, 0.9)


def test_margins_are_the_ranks_of_the_errors():
    targets = torch.arange(1.0, 20.0, dtype=torch.float64).flip(0).unsqueeze(1)
    values = torch.zeros(19, 1, 3, dtype=torch.float64)
    margins = conformal_margins(values, targets, LEVELS, 1)
    assert margins.tolist() == [[2.0, 0.0, 18.0]]  # ranks 2 and 18 of 20 places
    few = conformal_margins(values[:4], targets[:4], LEVELS, 1)
    assert few.tolist() == [[16.0, 0.0, 19.0]]


def test_order_is_kept_from_the_middle():
    values = torch.tensor([[[0.0, 1.0, 2.0, 3.0]]])
    moved = with_margins(values, [5.0, 0.5, 0.0, -4.0], 2)
    assert moved.tolist() == [[[1.5, 1.5, 2.0, 2.0]]]


def test_wrong_intervals_cover_after_calibration_on_other_examples():
    random = np.random.default_rng(0)
    covered, wanted = [], 0.8
    for _ in range(200):
        drawn = torch.from_numpy(random.standard_t(3, size=(130, 2)) * [1.0, 5.0] + [2.0, 0.0])
        task = Quantiles.of(("a", "b"), LEVELS)  # outputs of zero are those of another distribution
        task = task.calibrated(task.answers(torch.zeros(30, 6)), drawn[:30])
        answers = task.answers(torch.zeros(100, 6)).view(100, 2, 3)
        inside = (answers[..., 0] <= drawn[30:]) & (drawn[30:] <= answers[..., 2])
        covered.append(inside.double().mean(0))
    found = torch.stack(covered).mean(0)
    assert bool((found > wanted - 0.01).all())
    assert bool((found < wanted + 0.06).all())


def test_calibration_of_what_is_calibrated_changes_nothing():
    random = torch.Generator().manual_seed(0)
    outputs = torch.randn(60, 6, generator=random)
    targets = torch.randn(60, 2, generator=random) * 3e6 + 7e6
    plain = Quantiles.of(("a", "b"), LEVELS).fitted(targets, LossOptions())
    task = plain.calibrated(plain.answers(outputs), targets)
    again = task.calibrated(task.answers(outputs), targets)
    assert again.margins == pytest.approx(task.margins, abs=1e-6)
    assert max(task.margins) < 10
    assert task.margins[1] == task.margins[4] == 0.0
    assert torch.equal(task.values(outputs)[..., 1], plain.values(outputs)[..., 1])
    assert bool((task.values(outputs).diff(dim=-1) >= 0).all())


def test_margins_come_back_from_plain_data():
    values = torch.linspace(-3, 3, 40, dtype=torch.float64).unsqueeze(1)
    task = Quantiles.of(("a",), LEVELS).fitted(values, LossOptions())
    task = task.calibrated(task.answers(torch.zeros(40, 3)), values)
    assert task_from_dict(task.to_dict()) == task
    older = {name: value for name, value in task.to_dict().items() if name != "margins"}
    assert task_from_dict(older) == Quantiles(task.target_names, task.shift, task.scale, LEVELS)
    with pytest.raises(ValueError, match="margins: expected none or 3 numbers, got 2"):
        task_from_dict({**task.to_dict(), "margins": [0.0, 1.0]})
