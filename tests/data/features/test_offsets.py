import numpy as np
import pytest

from qimlp.data import centred, learn_offsets
from qimlp.data.features.offsets import BLURRED, Survey, minus

SMALL = np.random.default_rng(0).normal(size=500)


def column(values) -> np.ndarray:
    return np.asarray(values)[:, None]


@pytest.mark.parametrize(
    ("values", "offset", "wanted"),
    [
        (np.array([2**60 + 1, 2**60 - 1]), 2**60, [1, -1]),
        (np.array([2**63 + 5], dtype=np.uint64), 2**63, [5]),
        (np.array([-(2**62), 2**62]), 2**62, [-(2.0**63), 0]),
        (np.array([-(2**63), 2**63 - 1]), 2**62, [-1.5 * 2.0**63, 2.0**62]),
        (np.array([2**60 + 1]), float(2**60) + 0.0, [1]),
        (np.array([1_700_000_001]), 1_700_000_000.25, [0.75]),
        (np.array([1_700_000_000.25]), 1_700_000_000, [0.25]),
        (np.array([7], dtype=np.int8), -3, [10]),
    ],
)
def test_differences_are_exact(values, offset, wanted):
    assert minus(values, offset).tolist() == wanted


@pytest.mark.parametrize(
    "values",
    [
        SMALL,
        SMALL + 1000,
        np.round(SMALL * 100) + 2**23,  # float32 holds these exactly
        np.arange(500) + 2016,
        np.full(500, 1.7e9 + 0.1),
        np.append(SMALL, 1.7e9),
        (SMALL + 1.7e9).astype(np.float32),
        SMALL > 0,
        np.append(SMALL, 1e300),
        np.append(SMALL + 1.7e9, np.nan),
    ],
)
def test_what_float32_holds_stays_bit_for_bit(values):
    assert learn_offsets(column(values)) == ()
    with np.errstate(over="ignore"):
        wanted = column(values).astype(np.float32)
    assert centred(column(values), ()).tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    ("values", "spread"),
    [
        (SMALL + 1.7e9, SMALL),
        (SMALL * 1e-3 + 5.4e6, SMALL * 1e-3),
        (np.round(SMALL * 1e6).astype(np.int64) + 1_700_000_000_000_000, np.round(SMALL * 1e6)),
        (np.round(SMALL * 1e3).astype(np.int64) + 2**61, np.round(SMALL * 1e3)),
        (np.round(SMALL * 1e3).astype(np.int64).astype(np.uint64) + np.uint64(2**63), None),
    ],
)
def test_what_float32_blurs_is_shifted(values, spread):
    spread = np.round(SMALL * 1e3) if spread is None else spread
    (offset,) = learn_offsets(column(values))
    shifted = centred(column(values), (offset,))[:, 0].astype(np.float64)
    assert abs(shifted.mean()) < spread.std()
    error = np.abs((shifted - shifted.mean()) - (spread - spread.mean())).max()
    assert error < 1e-5 * spread.std()


def test_the_rule():
    """2**24 + 1 is the first whole number that float32 misses: by one."""
    for deviation, shifted in ((0.9 / BLURRED, True), (1.1 / BLURRED, False)):
        values = np.array([2**24 + 1 - 2 * deviation, 2**24 + 1]).round()  # of this deviation
        assert bool(learn_offsets(column(values))) is shifted


def test_only_those_features_that_need_it():
    offsets = learn_offsets(np.stack([SMALL, SMALL + 1.7e9], axis=1))
    assert offsets[0] == 0
    assert offsets[1] == pytest.approx(1.7e9)
    with pytest.raises(ValueError, match="expected 2 features, got 1"):
        centred(column(SMALL), offsets)


@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_survey_in_parts_is_that_of_the_whole(size):
    values = np.round(SMALL * 1e3).astype(np.int64) + 2**61
    whole, parts = Survey(), Survey()
    whole.add(values)
    for first in range(0, len(values), size):
        parts.add(values[first : first + size])
    assert parts.count == 500
    assert abs(parts.offset - whole.offset) <= 1
    assert isinstance(whole.offset, int)


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize(
    ("values", "counts"),
    [
        (np.arange(30), True),
        (30 - np.arange(30) * 3, True),
        (2**62 + np.arange(30), True),
        (0.1 * np.arange(30), True),
        (np.arange(30, dtype=np.float32), True),
        (np.arange(9), False),
        (np.zeros(30), False),
        (np.append(np.arange(29), 30), False),
        (np.append(np.arange(29), 28), False),
        (np.append(np.arange(29.0), np.nan), False),
        (np.arange(30) // 2, False),
        (np.arange(30) % 15, False),
    ],
)
def test_counting_rows(values, counts, size):
    survey = Survey()
    for first in range(0, len(values), size):
        survey.add(values[first : first + size])
    assert survey.counts_rows is counts


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize(
    ("values", "rises"),
    [
        (np.arange(30), True),
        (np.arange(30) ** 2, True),
        (2**62 + np.arange(30) ** 2, True),
        (np.arange(30.0) ** 2 + 0.5, True),
        (np.append(np.arange(29), 28), False),
        (-(np.arange(30) ** 2), False),
        (np.sort(SMALL), False),
        (np.arange(9) ** 2, False),
        (np.append(np.arange(29.0) ** 2, np.nan), False),
    ],
)
def test_rising_from_row_to_row(values, rises, size):
    survey = Survey()
    for first in range(0, len(values), size):
        survey.add(values[first : first + size])
    assert survey.rises is rises


SHUFFLED = np.random.default_rng(1).permutation(30)


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (SHUFFLED, True),
        (SHUFFLED + 2**62, True),
        (SHUFFLED - 7.0, True),
        (SHUFFLED / 2, False),
        (SHUFFLED * 2, False),
        (np.where(SHUFFLED == 11, 12, SHUFFLED), False),
        (np.append(SHUFFLED, 3), False),
        (SHUFFLED[SHUFFLED < 9], False),
        (np.append(SHUFFLED, np.nan), False),
    ],
)
def test_shuffled_numbers_of_rows(values, numbers, size):
    survey = Survey()
    for first in range(0, len(values), size):
        survey.add(values[first : first + size])
    assert survey.numbers_rows is numbers
