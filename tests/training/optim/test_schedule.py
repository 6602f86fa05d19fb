"""The one-cycle schedule against torch's, bit for bit."""

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from qimlp.training.optim.schedule import OneCycle

PEAKS = (0.015, 3e-5)


def optimizer(peaks=PEAKS):
    return SGD([{"params": [torch.zeros(1)], "lr": peak} for peak in peaks])


def rates(of):
    return [group["lr"] for group in of.param_groups]


def torchs_rates(total):
    """Of every step, and of what follows the last."""
    theirs = optimizer()
    schedule = OneCycleLR(theirs, max_lr=list(PEAKS), total_steps=total, cycle_momentum=False)
    found = [rates(theirs)]
    for _ in range(total):
        theirs.step()
        schedule.step()
        found.append(rates(theirs))
    return found


@pytest.mark.parametrize("total", [2, 3, 4, 5, 10, 23, 1380])
def test_its_rates_are_torchs(total):
    ours = optimizer()
    schedule = OneCycle(ours, total)
    for step, expected in enumerate(torchs_rates(total)):
        assert rates(ours) == expected, step
        schedule.step()


def test_it_goes_on_from_a_state_of_its_own_or_of_torchs():
    expected = torchs_rates(40)
    first = OneCycle(optimizer(), 40)
    for _ in range(17):
        first.step()
    theirs = optimizer()
    torchs = OneCycleLR(theirs, max_lr=list(PEAKS), total_steps=40, cycle_momentum=False)
    for _ in range(17):
        theirs.step()
        torchs.step()
    for state in (first.state_dict(), torchs.state_dict()):
        ours = optimizer()
        schedule = OneCycle(ours, 40)
        schedule.load_state_dict(state)
        schedule.step()
        assert rates(ours) == expected[18]


def test_a_rate_in_a_tensor_stays_in_it():
    ours = optimizer(peaks=(0.5,))
    schedule = OneCycle(ours, 10)
    held = ours.param_groups[0]["lr"] = torch.tensor(0.02)
    schedule.step()
    assert ours.param_groups[0]["lr"] is held
    assert held.item() > 0.02
