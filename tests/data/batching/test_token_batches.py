"""Batches of texts by length."""

from itertools import pairwise

import pytest
import torch

from qimlp.data import TensorSplit, TokenBatches
from qimlp.data.features.tokens import PADDING, lengths


def ragged(count=230, width=20):
    """Row i holds the number i, of a random length."""
    numbers = torch.arange(count, dtype=torch.float32)[:, None].repeat(1, width)
    long = torch.randint(1, width + 1, (count,), generator=torch.Generator().manual_seed(0))
    numbers[torch.arange(width) >= long[:, None]] = PADDING
    return TensorSplit(numbers, torch.arange(count))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("world_size", [1, 2])
def test_every_text_comes_once_and_no_batch_is_wider_than_it_must_be(shuffle, world_size):
    split, seen, cells = ragged(), [], 0
    for rank in range(world_size):
        batches = TokenBatches(split, 10, seed=0, shuffle=shuffle, rank=rank, world_size=world_size)
        assert len(list(batches)) == len(batches)
        for tokens, labels in batches:
            assert torch.equal(tokens[:, 0].long(), labels)
            assert bool((tokens[:, -1] != PADDING).any())
            seen += labels.tolist()
            cells += tokens.numel()
    assert sorted(seen) == list(range(230))
    assert cells < 1.1 * int(lengths(split.inputs).sum())


def test_an_epoch_has_its_own_order_and_goes_on_where_it_was():
    batches = TokenBatches(ragged(1200), 10, seed=0, shuffle=True)
    first = [labels.tolist() for _, labels in batches]
    assert first == [labels.tolist() for _, labels in batches]
    widths = [tokens.shape[1] for tokens, _ in batches]
    assert any(a > b for a, b in pairwise(widths))
    batches.set_epoch(0, start=7)
    assert [labels.tolist() for _, labels in batches] == first[7:]
    batches.set_epoch(1)
    assert [labels.tolist() for _, labels in batches] != first
    batches.set_epoch(1, start=120)
    assert list(batches) == []
    with pytest.raises(ValueError, match="got -1 and 0"):
        batches.set_epoch(-1)
