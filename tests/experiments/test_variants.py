import pytest

from qimlp.experiments.budget import (
    dense_count,
    low_rank_count,
    low_rank_widths,
    narrow_widths,
)
from qimlp.experiments.cell import Cell
from qimlp.experiments.cost import estimated_seconds
from qimlp.experiments.published import PARAMETERS, WANTED
from qimlp.experiments.variants import DATA, select, variants
from qimlp.models import MLP, LowRankMLP
from qimlp.training.network import build_network, count_parameters, layer_sizes

FEATURES = {"mnist": (784, 10), "cifar10": (3072, 10), "20newsgroups": (5000, 20), "imdb": (384, 2)}
ALL = variants()


def test_names_are_unique_and_cover_the_paper():
    names = [variant.name for variant in ALL]
    assert len(names) == len(set(names))
    assert {variant.data for variant in ALL} == set(DATA)
    for network in PARAMETERS:
        assert f"{network}/paper" in names
        assert f"{network}/tuned" in names
    assert {f"{network}/tuned" for network in WANTED} <= set(names)


@pytest.mark.parametrize("variant", ALL, ids=lambda variant: variant.name)
def test_every_known_count_is_met_exactly(variant):
    settings = Cell(variant, 0).settings()
    inputs, classes = FEATURES[variant.data]
    sizes = layer_sizes(settings, in_features=inputs, num_classes=classes)
    if settings.kind == "mlp":
        count = dense_count(tuple(size for (size,) in sizes))
    else:
        count = count_parameters(build_network(settings, sizes))
    assert variant.parameters in (None, count)
    published = PARAMETERS.get(f"{variant.data}/{variant.network}")
    # The paper leaves out the output layer's two length-1 bias factors here.
    assert published in (None, count - 2 if variant.name.startswith("cifar10/4b/") else count)


def test_copies_have_the_counts_of_the_figures():
    by_name = {variant.name: variant for variant in ALL}
    counts = {}
    for name in ("mnist/2b-rank2", "mnist/2b-rank4", "mnist/4b-rank4", "cifar10/2b-rank3"):
        settings = Cell(by_name[f"{name}/tuned"], 0).settings()
        inputs, classes = FEATURES[name.split("/", 1)[0]]
        sizes = layer_sizes(settings, in_features=inputs, num_classes=classes)
        counts[name] = count_parameters(build_network(settings, sizes))
    assert counts == {
        "mnist/2b-rank2": 6_783,
        "mnist/2b-rank4": 13_447,
        "mnist/4b-rank4": 2_778,
        "cifar10/2b-rank3": 89_434,
    }


def test_controls_stay_within_the_budget_and_use_it():
    widths = (784, 784, 784, 10)
    narrow = narrow_widths(3_451, widths)
    assert narrow == (784, 4, 4, 10)
    assert dense_count(narrow) == count_parameters(MLP(narrow)) <= 3_451
    low_rank, rank = low_rank_widths(3_451, widths)
    model = LowRankMLP(low_rank, rank=rank)
    assert low_rank_count(low_rank, rank) == count_parameters(model)
    assert 0.9 * 3_451 < count_parameters(model) <= 3_451


def test_no_ordinary_network_is_as_small_as_three_bodies():
    assert narrow_widths(769, (784, 784, 784, 10)) is None
    assert low_rank_widths(769, (784, 784, 784, 10)) is None


def test_cells_are_chosen_by_name():
    names = [variant.name for variant in select(ALL, ["mnist"], "*/2b/*")]
    assert names == ["mnist/2b/paper", "mnist/2b/tuned"]
    assert len(select(ALL, [], "rank")) > 10
    assert select(ALL, [], None) == ALL
    with pytest.raises(ValueError, match="unknown data set 'minst'; valid: mnist"):
        select(ALL, ["minst"], None)
    with pytest.raises(ValueError, match="no cell is called '9b'; see --list"):
        select(ALL, [], "9b")


def test_costs_rank_the_cells():
    cost = {variant.name: estimated_seconds(variant) for variant in ALL}
    assert cost["mnist/4b/tuned"] < cost["cifar10/2b/tuned"] < cost["cifar10/mlp/tuned"]
