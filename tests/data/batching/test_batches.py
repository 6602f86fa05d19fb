import pytest
import torch

from qimlp.data import InMemoryBatches, Scaling

NONE = Scaling("none", 6, (0.0,), (1.0,))


def make(split, **changes) -> InMemoryBatches:
    settings = {"batch_size": 10, "scaling": NONE, "seed": 5, "shuffle": True}
    return InMemoryBatches(split, **{**settings, **changes})


def rows_of(batches) -> list[list[int]]:
    seen = []
    for inputs, labels in batches:
        assert labels.tolist() == [int(row) % 4 for row in inputs[:, 0]]
        seen.append(inputs[:, 0].int().tolist())
    return seen


def test_an_epoch_sees_every_example_once_in_its_own_order(table_split):
    batches = make(table_split)
    epochs = []
    for epoch in (0, 1):
        batches.set_epoch(epoch)
        epochs.append(rows_of(batches))
    assert [len(batch) for batch in epochs[0]] == [10] * 10 + [3]
    assert len(batches) == 11
    assert batches.num_examples == 103
    flat = [[row for batch in epoch for row in batch] for epoch in epochs]
    assert sorted(flat[0]) == sorted(flat[1]) == list(range(103))
    assert flat[0] != flat[1]
    assert flat[0] != list(range(103))


def test_order_depends_on_seed_and_epoch_alone(table_split):
    first, second = make(table_split), make(table_split)
    list(first)
    first.set_epoch(3)
    second.set_epoch(3)
    assert rows_of(first) == rows_of(second)
    other = make(table_split, seed=6)
    other.set_epoch(3)
    assert rows_of(other) != rows_of(second)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("start", [0, 4, 10, 11, 50])
def test_start_leaves_out_what_was_done(table_split, shuffle, start):
    whole, rest = make(table_split, shuffle=shuffle), make(table_split, shuffle=shuffle)
    whole.set_epoch(2)
    rest.set_epoch(2, start)
    assert rows_of(rest) == rows_of(whole)[start:]


def test_without_shuffling_the_order_is_kept(table_split):
    batches = rows_of(make(table_split, shuffle=False))
    assert [row for batch in batches for row in batch] == list(range(103))


def test_several_processes_share_each_step(table_split):
    whole = rows_of(make(table_split))
    parts = [rows_of(make(table_split, rank=rank, world_size=2)) for rank in (0, 1)]
    assert len(parts[0]) == len(parts[1]) == 11
    for step, batch in enumerate(whole):
        assert sorted(parts[0][step] + parts[1][step]) == sorted(batch)
    assert [len(part[10]) for part in parts] == [2, 1]


def test_a_last_step_of_fewer_rows_than_processes_has_empty_parts(table_split):
    split = table_split.select(torch.arange(101))
    parts = [rows_of(make(split, rank=rank, world_size=2)) for rank in (0, 1)]
    assert [len(part[10]) for part in parts] == [1, 0]
    assert len(parts[1]) == 11


def test_evaluation_by_several_processes_sees_every_example_once(table_split):
    parts = [rows_of(make(table_split, shuffle=False, rank=rank, world_size=2)) for rank in (0, 1)]
    assert sorted(row for part in parts for batch in part for row in batch) == list(range(103))


def test_more_processes_than_examples_yields_no_empty_batch(table_split):
    few = table_split.select(torch.arange(1))
    parts = [rows_of(make(few, shuffle=False, rank=rank, world_size=2)) for rank in (0, 1)]
    assert parts == [[[0]], []]


def test_scaling_up_front_and_per_batch_agree(table_split, monkeypatch):
    scaling = Scaling.fit("standardize", table_split, (6,))
    up_front = list(make(table_split, scaling=scaling))
    monkeypatch.setattr("qimlp.data.batching.batches.MAX_SCALED_BYTES", 0)
    per_batch = list(make(table_split, scaling=scaling))
    assert len(up_front) == len(per_batch) == 11
    for (first, _), (second, _) in zip(up_front, per_batch, strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert abs(float(torch.cat([x for x, _ in per_batch])[:, 0].mean())) < 1e-5


def test_negative_epoch(table_split):
    with pytest.raises(ValueError, match="epoch"):
        make(table_split).set_epoch(-1)
