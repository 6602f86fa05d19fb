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


@pytest.mark.parametrize("total", [8, 9, 103])
@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_training_shares_evenly(total, world_size):
    shards = [Sharding(total, 8, rank, world_size) for rank in range(world_size)]
    assert len({(shard.num_own, shard.num_batches) for shard in shards}) == 1
    assert sum(shard.num_own for shard in shards) == shards[0].num_examples
    assert 0 <= total - shards[0].num_examples < world_size


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
