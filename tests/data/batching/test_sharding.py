import pytest

from qimlp.data.batching.sharding import Sharding


@pytest.mark.parametrize("total", [1, 7, 8, 9, 103])
@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_evaluation_takes_every_row_once(total, world_size):
    shards = [Sharding(total, 8, rank, world_size, training=False) for rank in range(world_size)]
    rows = [row for shard in shards for row in range(total)[shard.own_rows]]
    assert sorted(rows) == list(range(total))
    assert [shard.num_own for shard in shards] == [
        len(range(total)[shard.own_rows]) for shard in shards
    ]


@pytest.mark.parametrize("total", [8, 9, 19, 103])
@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_training_takes_every_row_once_in_equally_many_steps(total, world_size):
    shards = [Sharding(total, 8, rank, world_size) for rank in range(world_size)]
    rows = [row for shard in shards for row in range(total)[shard.own_rows]]
    assert sorted(rows) == list(range(total))
    assert {shard.num_batches for shard in shards} == {-(-total // 8)}


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_every_process_counts_by_its_examples(world_size):
    shards = [Sharding(18, 8, rank, world_size) for rank in range(world_size)]
    for step, size in enumerate([8, 8, 2]):
        own = [len(range(18)[s.own_rows][step * s.local_batch_size :]) for s in shards]
        own = [min(count, shard.local_batch_size) for count, shard in zip(own, shards, strict=True)]
        assert [s.share(step) * size / world_size for s in shards] == own
        assert sum(own) == size
    assert [shard.ends_empty for shard in shards] == [rank >= 2 for rank in range(world_size)]


def test_rows_that_cannot_be_shared_are_left_out_where_asked_for():
    shards = [Sharding(19, 8, rank, 4, even=True) for rank in range(4)]
    assert [(shard.num_own, shard.num_examples) for shard in shards] == [(4, 16)] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, 0), "batch size"),
        ((10, 5, 0, 2), "share evenly, got 5"),
        ((10, 4, 2, 2), "rank"),
        ((10, 4, -1, 2), "rank"),
        ((1, 4, 0, 2), "cannot be shared"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Sharding(*arguments)
