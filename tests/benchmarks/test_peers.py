import math

import pytest
import torch

from benchmarks import peers
from benchmarks.peers import PEERS, prepare
from qimlp.bench.case import BOTH, FORWARD, TABLE, Case
from qimlp.bench.implementations import OURS, Contestant, RefusedError, WrongResultError
from qimlp.bench.problem import make_problem, true_result
from qimlp.shapes import KroneckerShape

SHAPES = (
    KroneckerShape((4, 6), (5, 3)),
    KroneckerShape((4, 6), (5, 3), rank=3),
    KroneckerShape((4, 4, 4), (4, 4, 4)),
)


def problem_of(shape=SHAPES[0], dtype=torch.float32):
    return make_problem(Case(shape, 8), device=torch.device("cpu"), dtype=dtype)


@pytest.mark.parametrize("mode", [FORWARD, BOTH])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_contestant_is_right_or_says_why_not(shape, mode):
    problem = problem_of(shape)
    taken, left_out = prepare(problem, mode, true_result(problem, mode))
    assert {OURS, "nn.Linear", "rebuild"} <= taken.keys()
    assert {*taken, *left_out} == {OURS, *PEERS}
    reasons = ("not installed", "it has no sum of products", "LoKr takes two", "no FastKron kernel")
    assert all(reason.startswith(reasons) for reason in left_out.values())


@pytest.mark.parametrize("factor", [1.001, math.nan])
def test_a_wrong_peer_is_left_out(monkeypatch, factor):
    def wrong(problem):
        right = peers.rebuild(problem)
        return Contestant(lambda: right.forward() * factor, right.leaves)

    monkeypatch.setitem(PEERS, "FastKron", wrong)
    problem = problem_of()
    taken, left_out = prepare(problem, FORWARD, true_result(problem, FORWARD))
    assert "FastKron" not in taken
    assert "wrong" in left_out["FastKron"]


def test_a_peer_that_fails_is_left_out_with_its_own_words(monkeypatch):
    def broken(problem):
        raise KeyError("no such thing\nand more")

    monkeypatch.setitem(PEERS, "LyCORIS", broken)
    problem = problem_of()
    taken, left_out = prepare(problem, FORWARD, true_result(problem, FORWARD))
    assert "LyCORIS" not in taken
    assert left_out["LyCORIS"].startswith("it fails: KeyError: 'no such thing")
    assert "\n" not in left_out["LyCORIS"]


def test_a_wrong_gradient_alone_is_found(monkeypatch):
    def wrong(problem):
        right = peers.rebuild(problem)
        return Contestant(right.forward, right.leaves, lambda grads: (*grads[:-1], 2 * grads[-1]))

    monkeypatch.setitem(PEERS, "rebuild", wrong)
    problem = problem_of()
    assert "wrong" in prepare(problem, BOTH, true_result(problem, BOTH))[1]["rebuild"]
    assert "rebuild" in prepare(problem, FORWARD, true_result(problem, FORWARD))[0]


def test_nothing_goes_on_when_ours_is_wrong(monkeypatch):
    monkeypatch.setattr(
        peers,
        "ours",
        lambda problem: Contestant(lambda: torch.zeros(8, 15), problem.leaves),
    )
    problem = problem_of()
    with pytest.raises(WrongResultError, match="qimlp is wrong on 4x6->5x3, batch 8, forward"):
        prepare(problem, FORWARD, true_result(problem, FORWARD))


def test_a_library_that_is_not_there_is_refused():
    with pytest.raises(RefusedError, match="not installed"):
        peers._library("a_library_that_nobody_has_installed")


def test_a_library_that_breaks_while_it_is_imported_is_refused_every_time(monkeypatch, tmp_path):
    package = tmp_path / "half_installed"
    package.mkdir()
    (package / "__init__.py").write_text("from . import part\nimport nobody_has_this\n")
    (package / "part.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        with pytest.raises(RefusedError, match=r"not installed .*nobody_has_this"):
            peers._library("half_installed.part")


def test_a_dense_weight_too_large_to_build_is_refused():
    (case,) = (case for case in TABLE if case.shape.num_factors == 6)
    problem = make_problem(case, device=torch.device("cpu"), dtype=torch.float32)
    with pytest.raises(RefusedError, match="the dense weight would take 256 GiB"):
        peers.linear(problem)
