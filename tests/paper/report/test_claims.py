import copy

import pytest

from qimlp.paper.campaign.store import Store
from qimlp.paper.campaign.summary import summarize
from qimlp.paper.cells.cell import Cell
from qimlp.paper.report.claims import verdicts
from qimlp.paper.report.judging import (
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
from qimlp.statistics import Estimate, estimate
from tests.paper.conftest import ALL, STUDY, around, fill, make_entry

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
        (0.002, 0.02, (True, False, None, None)),
        (-0.002, 0.006, (None, None, True, True)),
        (-0.02, 0.02, (None, None, None, None)),
        (-0.04, -0.02, (False, True, False, True)),
    ],
)
def test_marks_come_from_the_interval(low, high, marks):
    gap = Estimate((low + high) / 2, low, high, 0.1, 3)
    assert tuple(judge(gap) for judge in (is_more, is_less, is_level, is_no_gain)) == marks
    alone = estimate([(low + high) / 2])
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
    assert judged(store, "Training takes longer").verdict == UNDECIDED
    assert "1.00 times" in judged(store, "Training takes longer").evidence[0]
    assert judged(store, "Training takes less memory").verdict == FAILS


def test_claims_on_correlation_come_from_the_comparison_of_runs(tmp_path):
    store, studies = Store(tmp_path), {"mnist": STUDY}
    assert judged(store, "MNIST: strong correlation").verdict == OPEN
    assert judged(store, "MNIST: strong correlation", studies).verdict == HOLDS
    assert judged(store, "The strong correlation that is mined", studies).verdict == HOLDS
    mined = judged(store, "The layers mine", studies)
    assert mined.verdict == IN_PART
    assert mined.brief == "of 2 comparisons 1 for it, 0 against, 1 open"
    assert "against the untrained network +0.30 [+0.20, +0.40]" in mined.evidence[0]
    single = copy.deepcopy(STUDY)
    single["layers"][1]["growth"] = {"2b": around(0.2, count=1)}
    found = judged(store, "MNIST: strong correlation", {"mnist": single})
    assert found.verdict == UNDECIDED
    assert found.evidence == ("layer 2 against layer 1: C +0.20 (one run)",)
    by_chance = copy.deepcopy(STUDY)
    by_chance["layers"][1]["relation"]["p_value"] = 0.2
    found = judged(store, "The strong correlation that is mined", {"mnist": by_chance})
    assert found.verdict == UNDECIDED


def test_more_copies_are_not_in_the_papers_figures_of_correlation(tmp_path):
    study = copy.deepcopy(STUDY)
    for layer in study["layers"]:
        layer["strong"]["2b-rank4"] = around(2.0)
    study["layers"][1]["growth"]["2b-rank4"] = around(-0.5)
    found = judged(Store(tmp_path), "MNIST: strong correlation", {"mnist": study})
    assert found.verdict == HOLDS
    assert found.brief == "C +0.20 [+0.10, +0.30] nats"


@pytest.mark.parametrize(
    ("within", "verdict"),
    [((-0.3, 0.5), UNDECIDED), ((-0.8, 0.01), FAILS), ((0.8, 0.01), HOLDS), (None, UNDECIDED)],
)
def test_what_size_explains_does_not_make_correlation_decide_accuracy(tmp_path, within, verdict):
    study = copy.deepcopy(STUDY)
    study["layers"][1]["strong"]["2b-rank4"] = around(2.0)
    if within is not None:
        pearson, p_value = within
        relation = study["layers"][1]["relation"]
        study["layers"][1]["within"] = {**relation, "pearson": pearson, "p_value": p_value}
    found = judged(Store(tmp_path), "The strong correlation that is mined", {"mnist": study})
    assert found.verdict == verdict


def test_times_decide_where_the_seeds_do_not_overlap(tmp_path):
    store = Store(tmp_path)
    networks = {variant.name: variant for variant in ALL}

    def put(network, *milliseconds):
        for seed, time in enumerate(milliseconds):
            cell = Cell(networks[f"mnist/{network}/paper"], seed)
            store.write(cell, make_entry(cell, seconds_per_step=time / 1e3))

    put("mlp", 8.0, 30.0)
    put("2b", 1.0, 2.0, 6.0)
    put("3b", 1.0, 9.0)
    found = judged(store, "Training takes longer")
    assert found.verdict == FAILS
    assert found.evidence[0].startswith("mnist 2b: 2.00 (1.00 to 6.00) ms a step against 19.00")
    assert found.brief == "0.11 to 0.26 times as long"
    put("3b", 40.0, 50.0)
    assert judged(store, "Training takes longer").verdict == IN_PART


def test_ordinary_networks_of_as_many_parameters_are_compared(tmp_path):
    store = Store(tmp_path)
    claim = "IMDb: better than ordinary networks"
    assert judged(store, claim).verdict == OPEN
    own, less, more = (0.75, 0.751, 0.752), (0.70, 0.701, 0.702), (0.76, 0.761, 0.762)
    fill(store, {"imdb/2b/tuned": own, "imdb/narrow-mlp-as-2b/tuned": less})
    assert judged(store, claim).verdict == HOLDS
    fill(store, {"imdb/low-rank-mlp-as-2b/tuned": more})
    found = judged(store, claim)
    assert found.verdict == IN_PART
    assert found.brief.startswith("2b against narrow +0.0500 ± ")
    assert "2b against low-rank -0.0100 ± " in found.brief


def test_a_claim_that_fails_says_to_which_side(tmp_path):
    store = Store(tmp_path)
    far = {"cifar10/3b/tuned": (0.64, 0.641, 0.642), "cifar10/mlp/tuned": (0.56, 0.561, 0.562)}
    fill(store, far)
    found = judged(store, "CIFAR-10: three bodies")
    assert found.verdict == FAILS
    assert found.brief.endswith(": more accurate")
