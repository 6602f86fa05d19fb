import pytest

from qimlp.paper.campaign.cost import Costs, duration
from qimlp.paper.campaign.store import Store
from qimlp.paper.campaign.summary import summarize
from qimlp.paper.cells.cell import Cell, Variant
from tests.paper.conftest import ALL, make_entry

BY_NAME = {variant.name: variant for variant in ALL}


def costs(tmp_path, seconds):
    store = Store(tmp_path)
    for name, value in seconds.items():
        cell = Cell(BY_NAME[name], 0)
        store.write(cell, make_entry(cell, seconds=value))
    return Costs(summarize(ALL, store))


def test_costs_rank_the_cells():
    cost = {variant.name: Costs({}).seconds(variant) for variant in ALL}
    assert cost["mnist/4b/tuned"] < cost["cifar10/2b/tuned"] < cost["cifar10/mlp/tuned"]


def test_what_was_run_scales_what_was_not(tmp_path):
    known, like, dense = (
        BY_NAME[f"mnist/{name}/tuned"] for name in ("2b", "2b-rank2", "narrow-mlp-as-2b")
    )
    guess = costs(tmp_path / "none", {}).seconds
    found = costs(tmp_path / "some", {known.name: 1000.0})
    assert found.seconds(known) == pytest.approx(1160.0)
    ratio = 1150.0 / (guess(known) - 10)
    assert found.seconds(like) == pytest.approx(10 + (guess(like) - 10) * ratio)
    slow = {known.name: 1000.0, "cifar10/mlp/tuned": 3000.0}
    more = costs(tmp_path / "more", slow)  # a dense network is scaled by a dense one
    assert more.seconds(like) == found.seconds(like)
    assert more.seconds(dense) < found.seconds(dense)


def test_long_runs_get_fewer_seeds(tmp_path):
    found = costs(tmp_path, {"mnist/2b/tuned": 500.0, "mnist/3b/tuned": 700.0})
    assert found.seeds(BY_NAME["mnist/2b/tuned"]) == 5
    assert found.seeds(BY_NAME["mnist/3b/tuned"]) == 3
    assert found.seeds(BY_NAME["cifar10/mlp/tuned"]) == 1


def test_other_data_has_no_estimate():
    with pytest.raises(ValueError, match="expected a data set of the paper, got 'digits'"):
        Costs({}).seconds(Variant("digits", "2b", "tuned"))


def test_durations_are_readable():
    assert [duration(s) for s in (3, 600, 5000, 70_000)] == ["3 s", "10 min", "83 min", "19.4 h"]
