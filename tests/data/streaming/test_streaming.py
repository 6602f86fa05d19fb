import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from qimlp.data import Scaling, StreamingDataSet, load, open_stream
from qimlp.data.streaming import rows as stream_rows
from qimlp.data.streaming.parts import PartRule

ROWS = (70, 30, 60)
NONE = Scaling("none", 2, (0.0,), (1.0,))


@pytest.fixture
def folder(tmp_path):
    """160 train rows in three files (`id` counts them), 40 test rows, labels `id % 3`."""
    root = tmp_path / "numbers"
    root.mkdir()
    first = 0
    for piece, rows in enumerate(ROWS):
        write(root / f"train-{piece}.parquet", np.arange(first, first + rows))
        first += rows
    write(root / "test-0.parquet", np.arange(1000, 1040))
    return root


def write(path, ids):
    spread = (2 * ids + ids % 2).astype(np.float32)  # no steady step: that would be a row number
    table = {"id": spread, "b": np.zeros(len(ids)), "label": ids % 3}
    pq.write_table(pa.table(table), path)


def make(data, part="train", **changes):
    settings = {"batch_size": 8, "scaling": NONE, "seed": 1, "shuffle": True, "buffer_size": 32}
    return data.batches(part, **{**settings, **changes})


def ids(batches) -> list[list[int]]:
    seen = []
    for inputs, labels in batches:
        assert inputs.dtype == torch.float32
        seen.append((inputs[:, 0].int() // 2).tolist())
        assert labels.tolist() == [row % 3 for row in seen[-1]]
    return seen


def flat(batches) -> list[int]:
    return [row for batch in ids(batches) for row in batch]


def test_parts_cover_every_row_once(folder):
    data = open_stream(str(folder))
    train, dev = flat(make(data)), flat(make(data, "dev", shuffle=False))
    assert dev == list(range(4, 160, 5))
    assert sorted(train + dev) == list(range(160))
    assert flat(make(data, "test", shuffle=False)) == list(range(1000, 1040))
    assert sorted(flat(make(data, dev_fraction=0))) == list(range(160))


def test_lengths(folder):
    batches = make(open_stream(str(folder)))
    assert (batches.num_examples, len(batches)) == (128, 16)
    assert [len(batch) for batch in ids(batches)] == [8] * 16


def test_streaming_and_memory_see_the_same_examples(folder):
    memory, stream = load(str(folder), streaming=False), load(str(folder), streaming=True)
    assert isinstance(stream, StreamingDataSet)
    assert sorted(flat(make(stream, dev_fraction=0))) == sorted(
        flat([(memory.train.inputs, memory.train.labels)])
    )
    for name in ("feature_shape", "feature_names", "test_origin", "task"):
        assert getattr(stream, name) == getattr(memory, name)


def test_images_are_decoded_and_scaled(image_folder_of_parquet, pixels):
    data = open_stream(str(image_folder_of_parquet))
    scaling = Scaling.fit("unit", data.sample(), data.feature_shape)
    batches = make(data, "test", scaling=scaling, shuffle=False)
    inputs = torch.cat([inputs for inputs, _ in batches])
    wanted = torch.from_numpy(pixels[30:].reshape(10, 20)).float() / 255
    torch.testing.assert_close(inputs, wanted)


def test_order_depends_on_seed_and_epoch_alone(folder):
    data = open_stream(str(folder))
    first, second = make(data), make(data)
    orders = []
    for epoch in (0, 1):
        first.set_epoch(epoch)
        orders.append(flat(first))
    second.set_epoch(1)
    assert flat(second) == orders[1]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != sorted(orders[0])
    other = make(data, seed=2)
    other.set_epoch(1)
    assert flat(other) != orders[1]


@pytest.mark.parametrize("start", [0, 3, 16, 20])
def test_start_leaves_out_what_was_done(folder, start):
    data = open_stream(str(folder))
    whole, rest = make(data), make(data)
    whole.set_epoch(2)
    rest.set_epoch(2, start)
    assert ids(rest) == ids(whole)[start:]


@pytest.mark.parametrize("world_size", [2, 3])  # 3 files: whole files for 3 processes, rows for 2
def test_processes_take_equally_many_steps(folder, world_size):
    data = open_stream(str(folder))
    settings = {"batch_size": 6, "world_size": world_size}
    parts = [make(data, rank=rank, **settings) for rank in range(world_size)]
    seen = [ids(part) for part in parts]
    assert [len(batches) for batches in seen] == [len(part) for part in parts]
    assert len({len(batches) for batches in seen}) == 1
    rows = [{row for batch in batches for row in batch} for batches in seen]
    assert not set.intersection(*rows)
    if world_size == 2:
        assert sorted(set.union(*rows)) == [row for row in range(160) if row % 5 != 4]


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_evaluate_every_row_once(folder, world_size):
    data = open_stream(str(folder))
    settings = {"batch_size": 6, "world_size": world_size, "shuffle": False}
    parts = [make(data, "dev", rank=rank, **settings) for rank in range(world_size)]
    assert sorted(row for part in parts for row in flat(part)) == list(range(4, 160, 5))
    assert [len(ids(part)) for part in parts] == [len(part) for part in parts]


def test_rows_are_pulled_as_they_are_needed(folder, monkeypatch):
    pulled = 0
    read_batches = stream_rows.read_batches

    def counted(files, columns):
        nonlocal pulled
        for batch in read_batches(files, columns):
            for row in range(batch.num_rows):
                pulled += 1
                yield batch.slice(row, 1)

    monkeypatch.setattr("qimlp.data.streaming.rows.read_batches", counted)
    data = open_stream(str(folder))
    assert pulled == 1
    pulled = 0
    iterator = iter(make(data, dev_fraction=0, buffer_size=20))
    assert pulled == 0
    seen = len(next(iterator)[0])
    assert seen <= pulled <= seen + 20 + 1
    for _ in range(5):
        seen += len(next(iterator)[0])
    assert seen <= pulled <= seen + 20 + 1


def test_large_files_are_streamed_unless_told_otherwise(folder):
    assert isinstance(load(str(folder), max_bytes=100), StreamingDataSet)
    assert not isinstance(load(str(folder)), StreamingDataSet)
    assert not isinstance(load(str(folder), max_bytes=100, streaming=False), StreamingDataSet)


def test_without_test_files_every_fifth_row_is_test(folder):
    (folder / "test-0.parquet").unlink()
    data = open_stream(str(folder))
    parts = [flat(make(data, part, shuffle=False)) for part in ("train", "dev", "test")]
    assert parts[2] == list(range(4, 160, 5))
    assert sorted(row for part in parts for row in part) == list(range(160))
    assert data.test_origin == "the last of every 5 rows"


def test_sample_is_spread_over_the_train_part(folder):
    sample = open_stream(str(folder)).sample(16)
    train = [row for row in range(160) if row % 5 != 4]
    assert flat([(sample.inputs, sample.labels)]) == train[::8]
    assert len(open_stream(str(folder)).sample(5000)) == 128


def test_fingerprint_follows_the_files(folder):
    before = open_stream(str(folder)).fingerprint
    assert open_stream(str(folder)).fingerprint == before
    write(folder / "train-1.parquet", np.arange(70, 101))
    assert open_stream(str(folder)).fingerprint != before


def test_bad_rows_are_named(folder):
    table = {"id": [1.0, float("nan")], "b": [0.0, 0.0], "label": [0, 1]}
    pq.write_table(pa.table(table), folder / "train-2.parquet")
    with pytest.raises(ValueError, match=r"train-2\.parquet: row 2, column 'id'"):
        flat(make(open_stream(str(folder)), shuffle=False))


def test_refusals(folder, tmp_path):
    data = open_stream(str(folder))
    with pytest.raises(ValueError, match="unknown part 'val'"):
        make(data, "val")
    with pytest.raises(ValueError, match="dev fraction"):
        make(data, dev_fraction=0.7)
    with pytest.raises(ValueError, match="the dev part has no rows"):
        make(data, "dev", dev_fraction=0)
    with pytest.raises(ValueError, match="shuffle buffer"):
        make(data, buffer_size=0)
    with pytest.raises(ValueError, match="at least one row, got 0"):
        data.sample(0)
    with pytest.raises(ValueError, match="epoch"):
        make(data).set_epoch(-1)
    (tmp_path / "t.csv").write_text("a,label\n1,0\n")
    with pytest.raises(ValueError, match="streaming reads Parquet files, not csv"):
        open_stream(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("test_every", [0, 2, 5])
@pytest.mark.parametrize("dev_every", [0, 2, 5])
@pytest.mark.parametrize("first", [0, 1, 13])
def test_part_rules_partition_and_count(test_every, dev_every, first):
    rules = [PartRule(part, test_every, dev_every) for part in ("train", "dev", "test")]
    masks = [rule.mask(first, 47) for rule in rules]
    assert np.sum(masks, axis=0).tolist() == [1] * 47
    assert [rule.count(first, 47) for rule in rules] == [int(mask.sum()) for mask in masks]
    whole = rules[0].mask(0, first + 47)
    np.testing.assert_array_equal(masks[0], whole[first:])
