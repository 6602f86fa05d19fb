"""Batches for a number of steps: endless orders of the rows, weighted or not."""

import pytest
import torch

from qimlp.data import StepBatches


def rows(batches, periods, start=0):
    found = []
    for period in range(periods):
        batches.set_epoch(period, start if period == 0 else 0)
        found += [targets for _, targets in batches]
    return found


def batches(count=10, size=3, steps=4, **options):
    return StepBatches(
        torch.arange(count * 1.0)[:, None], torch.arange(count), size, steps, **options
    )


def test_every_order_holds_every_row_once_across_periods():
    drawn = torch.cat(rows(batches(seed=0), 5))
    assert len(drawn) == 5 * 4 * 3
    for order in drawn.view(6, 10):
        assert sorted(order.tolist()) == list(range(10))


def test_a_period_can_be_entered_in_its_middle():
    whole = rows(batches(seed=3), 3)
    begun = batches(seed=3)
    begun.set_epoch(1, 2)
    torch.testing.assert_close([t for _, t in begun], whole[6:8])


def test_inputs_go_with_their_targets():
    for inputs, targets in batches(seed=1):
        torch.testing.assert_close(inputs[:, 0].long(), targets)


def test_integer_weights_draw_rows_as_often_as_repeated_ones():
    weights = torch.tensor([0.0, 1, 2, 5])
    drawn = torch.cat(rows(batches(count=4, size=4, steps=8, seed=0, weights=weights), 10))
    counts = torch.bincount(drawn, minlength=4).double()
    torch.testing.assert_close(counts / counts.sum(), weights.double() / 8, atol=0.02, rtol=0)
    assert counts[0] == 0


def test_equal_weights_take_every_row_once_an_order():
    drawn = torch.cat(rows(batches(seed=0, weights=torch.full((10,), 0.3)), 5))
    for order in drawn.view(6, 10):
        assert sorted(order.tolist()) == list(range(10))


def test_processes_share_every_batch():
    alone = rows(batches(size=4, seed=2), 2)
    shared = [rows(batches(size=4, seed=2, rank=rank, world_size=2), 2) for rank in range(2)]
    torch.testing.assert_close([torch.cat(parts) for parts in zip(*shared, strict=True)], alone)


def test_a_batch_is_never_larger_than_the_table():
    assert [len(t) for _, t in batches(count=2, size=5, seed=0)] == [2] * 4


@pytest.mark.parametrize("weights", [[1.0, -1], [0.0, 0], [1.0, float("nan")], [1.0]])
def test_refused_weights(weights):
    with pytest.raises(ValueError, match="weights: expected"):
        batches(count=2, seed=0, weights=torch.tensor(weights))
