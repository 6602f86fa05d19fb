import copy

import pytest

from qimlp.experiments.claims import verdicts
from qimlp.experiments.intervals import Estimate
from qimlp.experiments.judging import (
    FAILS,
    HOLDS,
    IN_PART,
    OPEN,
    UNDECIDED,
    combined,
    is_less,
    is_level,
    is_more,
    is_no_gain,
)
from qimlp.experiments.store import Store
from qimlp.experiments.summary import summarize

from .conftest import ALL, STUDY, around, fill

TWO_BODIES = "MNIST: two bodies"
MLP = (0.95, 0.951, 0.952)


def judged(store, claim, studies=None):
    found = [v for v in verdicts(summarize(ALL, store), studies or {}) if v.claim.startswith(claim)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("paper", "tuned", "verdict"),
    [
        ((0.97, 0.971, 0.972), (0.98, 0.981, 0.982), HOLDS),
        ((0.97, 0.971, 0.972), (0.94, 0.941, 0.942), IN_PART),
        ((0.93, 0.931, 0.932), (0.94, 0.941, 0.942), FAILS),
        ((0.97, 0.971, 0.972), (), IN_PART),
        ((0.93,), (), FAILS),
        ((0.90, 0.99, 0.97), (), UNDECIDED),
        ((), (), OPEN),
    ],
)
def test_a_claim_is_judged_by_what_was_run(tmp_path, paper, tuned, verdict):
    store = Store(tmp_path)
    ours = {"mnist/2b/paper": paper, "mnist/2b/tuned": tuned}
    fill(store, {**ours, "mnist/mlp/paper": MLP, "mnist/mlp/tuned": MLP})
    assert judged(store, TWO_BODIES).verdict == verdict


def test_one_seed_each_decides_nothing_and_is_said(tmp_path):
    store = Store(tmp_path)
    fill(store, {"mnist/2b/paper": (0.97,), "mnist/mlp/paper": (0.95,)})
    found = judged(store, TWO_BODIES)
    assert found.verdict == UNDECIDED
    assert "difference +0.0200 (one seed each: no interval)" in found.evidence[0]


def test_the_verdict_names_the_numbers(tmp_path):
    store = Store(tmp_path)
    fill(store, {"mnist/2b/paper": (0.97, 0.97), "mnist/mlp/paper": (0.95, 0.95)})
    found = judged(store, TWO_BODIES)
    assert "0.9700 ± 0.0000 (2) against 0.9500" in found.evidence[0]
    assert found.evidence[1] == "our recipe: not run"
    assert found.brief == "+0.0200 ± 0.0000; not run"


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.002, 0.006, (True, False, True, True)),
        (0.02, 0.04, (True, False, False, False)),
        (0.002, 0.02, (True, False, None, False)),
        (-0.002, 0.006, (None, None, True, True)),
        (-0.02, 0.02, (None, None, None, None)),
        (-0.04, -0.02, (False, True, False, True)),
    ],
)
def test_marks_come_from_the_interval(low, high, marks):
    gap = Estimate((low + high) / 2, (high - low) / 2, 3)
    assert tuple(judge(gap) for judge in (is_more, is_less, is_level, is_no_gain)) == marks
    alone = Estimate((low + high) / 2, None, 1)
    assert {judge(alone) for judge in (is_more, is_less, is_level, is_no_gain)} == {None}


def test_marks_are_put_together():
    assert combined([]) == OPEN
    assert combined([None, None]) == UNDECIDED
    assert combined([True, True]) == HOLDS
    assert combined([True, True], complete=False) == IN_PART
    assert combined([True, None]) == combined([False, True]) == IN_PART
    assert combined([False, None]) == FAILS


def test_copies_are_judged_by_the_most_of_them_not_by_the_best(tmp_path):
    store = Store(tmp_path)
    one, better, same = (0.97, 0.971, 0.972), (0.99, 0.991, 0.992), (0.96, 0.961, 0.962)
    ranks = {"mnist/2b/tuned": one, "mnist/2b-rank2/tuned": better, "mnist/2b-rank4/tuned": same}
    fill(store, ranks)
    found = judged(store, "MNIST: more copies k improve")
    assert found.verdict == FAILS
    assert found.evidence[0].startswith("our recipe, 2b, k = 4 against 1: 0.9610")


def test_counts_need_no_run(tmp_path):
    found = judged(Store(tmp_path), "More than 200 times fewer")
    assert found.verdict == HOLDS
    assert found.evidence[0] == "mnist: 2b 359, 3b 1,611, 4b 3,470"
    assert found.evidence[2] == "imdb: 2b 245, 3b 557"


def test_memory_and_time_are_judged_by_the_paper_settings(tmp_path):
    store = Store(tmp_path)
    fill(store, {f"mnist/{network}/paper": (0.9,) for network in ("mlp", "2b")})
    assert judged(store, "Training takes longer").verdict == FAILS
    assert "1.00 times" in judged(store, "Training takes longer").evidence[0]
    assert judged(store, "Training takes less memory").verdict == FAILS


def test_claims_on_correlation_come_from_the_comparison_of_runs(tmp_path):
    store, studies = Store(tmp_path), {"mnist": STUDY}
    assert judged(store, "MNIST: strong correlation").verdict == OPEN
    assert judged(store, "MNIST: strong correlation", studies).verdict == HOLDS
    assert judged(store, "The strong correlation that is mined", studies).verdict == HOLDS
    mined = judged(store, "The layers mine", studies)
    assert mined.verdict == IN_PART
    assert mined.brief == "of 4 comparisons 3 for it, 0 against, 1 open"
    single = copy.deepcopy(STUDY)
    single["layers"][1]["growth"] = {"2b": around(0.2, count=1)}
    found = judged(store, "MNIST: strong correlation", {"mnist": single})
    assert found.verdict == UNDECIDED
    assert found.evidence == ("layer 2 against layer 1: C +0.20 (one run)",)
    by_chance = copy.deepcopy(STUDY)
    by_chance["layers"][1]["relation"]["p_value"] = 0.2
    found = judged(store, "The strong correlation that is mined", {"mnist": by_chance})
    assert found.verdict == UNDECIDED
