import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from qimlp.compression.calibration import Source

ROWS = torch.arange(24.0).reshape(8, 3)
BATCH_BYTES = 2 * 3 * 4
PLENTY = 10_000


def rows_of(source):
    return torch.cat([args[0] for args, _ in source])


class Counting:
    def __init__(self, batches):
        self.batches, self.passes = batches, 0

    def __iter__(self):
        self.passes += 1
        return iter(self.batches)


def batches():
    return [ROWS[i : i + 2].clone() for i in range(0, 8, 2)]


@pytest.mark.parametrize(
    "given",
    [
        batches(),
        tuple(batches()),
        Counting(batches()),
        DataLoader(TensorDataset(ROWS), batch_size=2),
        ((rows, "labels") for rows in batches()),
        ({"x": rows} for rows in batches()),
    ],
    ids=["list", "tuple", "iterable", "loader", "labelled", "mappings"],
)
def test_every_kind_of_iterable_gives_the_same_batches_again_and_again(given):
    source = Source(given, PLENTY)
    for _ in range(3):
        calls = list(source)
        values = [next(iter([*args, *kwargs.values()])) for args, kwargs in calls]
        assert torch.equal(torch.cat(values), ROWS)
    assert source.notes == []


def test_batches_that_fit_are_read_once():
    given = Counting(batches())
    source = Source(given, 4 * BATCH_BYTES)
    for _ in range(3):
        assert torch.equal(rows_of(source), ROWS)
    assert given.passes == 1


def test_batches_that_do_not_fit_are_read_on_every_pass():
    given = Counting(batches())
    source = Source(given, 4 * BATCH_BYTES - 1)
    for _ in range(3):
        assert torch.equal(rows_of(source), ROWS)
    assert given.passes == 3
    assert source.notes == []


def test_a_shuffled_loader_gives_the_same_batches_on_every_pass():
    source = Source(DataLoader(TensorDataset(ROWS), batch_size=2, shuffle=True), BATCH_BYTES)
    first = rows_of(source)
    assert not torch.equal(first, ROWS)
    assert torch.equal(rows_of(source), first)


def test_other_batches_on_a_later_pass_are_refused():
    class Noisy:
        passes = 0

        def __iter__(self):
            self.passes += 1
            yield ROWS
            yield ROWS + self.passes

    source = Source(Noisy(), BATCH_BYTES)
    list(source)
    with pytest.raises(ValueError, match="expected the same batches on every pass, got another"):
        list(source)


def test_a_pass_that_ends_early_keeps_nothing():
    given = Counting(batches())
    source = Source(given, PLENTY)
    next(iter(source))
    assert torch.equal(rows_of(source), ROWS)
    assert given.passes == 2


def test_an_iterator_gives_as_many_batches_as_fit_and_says_so():
    source = Source(iter(batches()), 3 * BATCH_BYTES)
    for _ in range(2):
        assert torch.equal(rows_of(source), ROWS[:6])
    (note,) = source.notes
    assert "72 bytes of its batches are kept: the first 3 were used" in note


def test_an_endless_iterator_ends():
    def endless():
        while True:
            yield ROWS.clone()

    assert len(list(Source(endless(), 5 * ROWS.nbytes))) == 5


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (ROWS, TypeError, r"got a tensor of shape \(8, 3\); a single batch goes into a list"),
        ({"x": ROWS}, TypeError, "got dict"),
        ("text", TypeError, "got str"),
        (7, TypeError, "got int"),
        ([], ValueError, "expected at least one batch, got none"),
        (iter([]), ValueError, "expected at least one batch, got none"),
        (["text"], TypeError, "batch 0: expected batches that are tensors"),
        ([ROWS, None], TypeError, "batch 1: expected batches that are tensors"),
        ([{"x": [1, 2]}], TypeError, "batch 0: expected tensors in it"),
        ([ROWS, ROWS[:0]], ValueError, "batch 1: expected rows in it, got none"),
    ],
)
def test_what_is_no_calibration_is_refused_in_one_line(given, error, said):
    with pytest.raises(error, match=said) as caught:
        list(Source(given, PLENTY))
    assert str(caught.value).startswith("calibration")
    assert "\n" not in str(caught.value)
