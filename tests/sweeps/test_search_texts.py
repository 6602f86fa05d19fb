"""What is to be searched, as a user writes it."""

import pytest

from qimlp.sweeps.search_texts import parse_search
from qimlp.sweeps.space import Choices, Range
from qimlp.training import TrainingData


@pytest.fixture
def parse(settings):
    own = settings()
    data = TrainingData(own)
    return lambda *texts, of=own: parse_search(texts, of, data)


def test_ranges_and_values_are_read_as_the_settings_hold_them(parse):
    assert parse("lr=1e-4..1e-1", "rank=1,2,4", "dropout=0..0.3", "batch-size=8..64") == {
        "lr": Range(1e-4, 1e-1, log=True),
        "rank": Choices((1, 2, 4)),
        "dropout": Range(0.0, 0.3),
        "batch_size": Range(8, 64, log=True, whole=True),
    }
    assert parse("bias= kronecker , none", "linear_skip=true,false", "ema_decay=off,0.9") == {
        "bias": Choices(("kronecker", "none")),
        "linear_skip": Choices((True, False)),
        "ema_decay": Choices((None, 0.9)),
    }


def test_values_that_hold_commas_are_parted_by_semicolons(parse):
    assert parse("dims=4x4,3x1; 4x4,2x2,3x1", "betas=0.9,0.99") == {
        "dims": Choices(("4x4,3x1", "4x4,2x2,3x1")),
        "betas": Choices(("0.9,0.99",)),
    }


def test_a_name_alone_has_its_usual_values(parse, settings):
    lr = settings().optimisation.lr
    assert parse("lr", "rank", "activation", "init", "linear-skip") == {
        "lr": Range(lr / 10, lr * 10, log=True),
        "rank": Range(1, 8, log=True, whole=True),
        "activation": Choices(("gelu", "relu", "silu", "tanh")),
        "init": Choices(("normal", "orthogonal")),
        "linear_skip": Choices((False, True)),
    }


def test_a_range_from_zero_is_not_logarithmic(parse):
    assert parse("weight_decay=0..1") == {"weight_decay": Range(0.0, 1.0)}
    assert parse("weight_decay=0.1..1") == {"weight_decay": Range(0.1, 1.0, log=True)}


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["learning_rate"], "search: unknown setting 'learning_rate'; valid: .*|.*did you mean"),
        (["drop"], "search: unknown setting 'drop'; did you mean 'dropout'"),
        (["seed=1,2"], "search seed: it says what is measured, or where; trials that differ"),
        (["dev_fraction"], "search dev_fraction: it says what is measured"),
        (["lr", "lr=1..2"], "search lr: expected it once"),
        (["lr=1e-1..1e-4"], r"search lr: expected the lower end first.*got '1e-1\.\.1e-4'"),
        (["lr=0.1..0.1"], "search lr: expected the lower end first"),
        (["lr=0..1"], "search: lr: expected a number greater than 0, got '0'"),
        (["lr=1.."], "search lr: expected a range such as 1e-4..1e-1"),
        (["lr=a..b"], "search: lr: expected a number, got 'a'"),
        (["lr="], "search lr: expected values joined by commas"),
        (["rank=1,,2"], "search rank: expected values joined by commas"),
        (["rank=1,x"], "search: rank: expected a whole number, got 'x'"),
        (["rank=0,1"], "search: rank: expected a number greater than or equal to 1, got '0'"),
        (["bias=dense..none"], "search bias: a range is of numbers"),
        (["bias=dense,nine"], "search: bias: expected 'kronecker', 'dense' or 'none'"),
        (["dims=4x4"], "search: dims .*expected two or more layers"),
        (["width=8..16"], "search: width 8: the dims say how wide the layers are"),
        (["ema_decay"], r"search ema_decay: it has no usual values; give them, as in ema_decay=0"),
        (["steps"], "search steps: it is not set; give a range"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(parse, texts, line):
    with pytest.raises(ValueError, match=line) as refused:
        parse(*texts)
    assert "\n" not in str(refused.value)


def test_dims_and_what_they_say_are_not_searched_together(settings):
    own = settings(dims=None)
    with pytest.raises(ValueError, match="search dims and width: the dims say width, too; search"):
        parse_search(["dims", "width=8..16"], own, TrainingData(own))
