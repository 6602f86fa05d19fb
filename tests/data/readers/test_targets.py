"""What there is to learn from a label column, and its numbers."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from qimlp.data import load, load_inputs
from qimlp.tasks import Classification, Regression


def lines(rows):
    return "x,y,label\n" + "".join(f"{i % 7},{i % 5},{row}\n" for i, row in enumerate(rows))


def test_numbers_that_are_not_whole_are_targets(write_csv):
    data = load(str(write_csv(lines([0.5 * i for i in range(20)]))))
    assert data.task == Regression.of(("label",))
    assert data.class_names == ()
    with pytest.raises(ValueError, match="row 2: label 0.5"):
        load(str(write_csv(lines([0.5 * i for i in range(20)]))), task="classification")
    every = torch.cat([data.train.labels, data.test.labels])
    assert every.dtype == torch.float64
    assert sorted(every[:, 0].tolist()) == [0.5 * i for i in range(20)]
    assert (len(data.train), len(data.test)) == (16, 4)
    assert data.test_origin == "20 % of the examples, set aside by seed 0"


def test_many_whole_numbers_with_gaps_are_amounts(tmp_path):
    random = np.random.default_rng(0)
    amounts = random.integers(0, 1000, 400)
    kinds = random.permutation(np.arange(3000) % 600)  # a batch of a stream holds but a part
    for name, label, kind in (
        ("amounts", amounts, Regression),
        ("floats", amounts.astype(float), Regression),
        ("all there", kinds.astype(float), Regression),
        ("classes", kinds, Classification),
        ("few", amounts % 90 * 7, Classification),
    ):
        columns = {name: random.normal(size=len(label)) for name in "ab"} | {"label": label}
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        for streaming in (False, True):
            data = load(str(tmp_path / f"{name}.parquet"), streaming=streaming)
            assert isinstance(data.task, kind), name
    data = load(str(tmp_path / "amounts.parquet"), task="classification")
    assert data.task.num_outputs == len(set(amounts.tolist()))


@pytest.mark.parametrize("rows", [["1", "2"] * 10, ["1.0", "2.0"] * 10, ["a", "1.5"] * 10])
def test_what_is_whole_or_a_name_is_a_class(write_csv, rows):
    assert isinstance(load(str(write_csv(lines(rows)))).task, Classification)


def test_whole_numbers_are_targets_if_asked_for(write_csv):
    data = load(str(write_csv(lines(range(20)))), task="regression")
    assert data.task == Regression.of(("label",))
    with pytest.raises(
        ValueError, match=r"row 3, target 'label': expected a finite number, got 'a'"
    ):
        load(str(write_csv(lines([1, 2, "a", *range(9)]))), task="regression")
    with pytest.raises(ValueError, match=r"row 2, target 'label': .* got nothing; remove the row"):
        load(str(write_csv(lines([1, "", *range(9)]))), task="regression")


def test_several_columns_are_several_targets(write_csv):
    path = write_csv("a,t,b,u\n" + "".join(f"{i % 3},{i},{i % 4},{-i}\n" for i in range(10)))
    data = load(str(path), label_column=("u", "t"))
    assert data.task == Regression.of(("u", "t"))
    assert data.feature_names == ("a", "b")
    assert torch.equal(data.train.labels[:, 0], -data.train.labels[:, 1])
    with pytest.raises(
        ValueError, match="expected one label column for classification, got 'u', 't'"
    ):
        load(str(path), label_column=("u", "t"), task="classification")
    new = load_inputs(path, (2,), feature_names=("a", "b"), label_column=("u", "t"))
    assert (new.inputs.shape, new.labels) == ((10, 2), None)


def test_parquet_in_memory_and_streamed_hold_the_same_targets(tmp_path):
    random = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 10)):
        columns = {name: random.normal(size=count) for name in ("a", "b", "label")}
        pq.write_table(pa.table(columns), tmp_path / f"{part}.parquet")
    held, streamed = (load(str(tmp_path), streaming=streaming) for streaming in (False, True))
    assert held.task == streamed.task == Regression.of(("label",))
    assert torch.equal(streamed.sample(dev_fraction=0).labels, held.train.labels)


@pytest.mark.parametrize("shape", [(30,), (30, 1), (30, 3)])
def test_archives_hold_targets(tmp_path, shape):
    random = np.random.default_rng(0)
    y = random.normal(size=shape)
    np.savez(tmp_path / "a.npz", x=random.normal(size=(30, 4)), y=y)
    data = load(str(tmp_path / "a.npz"))
    assert data.task.num_outputs == (shape[1] if len(shape) > 1 else 1)
    assert len(data.train) + len(data.test) == 30


def test_named_classes_are_no_targets(image_folder_of_parquet):
    with pytest.raises(ValueError, match="expected numbers for regression"):
        load(str(image_folder_of_parquet), task="regression")
