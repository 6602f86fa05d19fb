"""What is searched where a sweep is not told."""

from math import prod

import pytest

from qimlp.predictor import build_network, layer_sizes
from qimlp.settings import resolve_settings
from qimlp.shapes import plan
from qimlp.sweeps.dims import dims_choices
from qimlp.sweeps.plan import settings_of, usual_params
from qimlp.sweeps.space import Choices, Range
from qimlp.sweeps.usual import usual_space
from qimlp.training import TrainingData


@pytest.fixture
def space_of(settings):
    def make(fixed=(), **changes):
        own = settings(**{"dims": None, **changes})
        return own, usual_space(own, TrainingData(own), fixed)

    return make


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("2b", ["lr", "dims", "rank", "bias", "order"]),
        ("mlp", ["lr", "width", "depth", "dropout"]),
        ("low-rank", ["lr", "width", "depth", "rank"]),
    ],
)
def test_each_kind_of_network_has_its_own(space_of, model, names):
    settings, space = space_of(model=model)
    assert list(space) == names
    lr = settings.optimisation.lr
    assert (space["lr"].low, space["lr"].high) == pytest.approx((lr / 10, lr * 10))
    assert space["lr"].log


def test_a_table_has_embeddings_members_and_hidden_sizes(tmp_path):
    rows = "\n".join(f"{i},{i % 3},{'ab'[i % 2]}" for i in range(60))
    (tmp_path / "some.csv").write_text(f"x,y,label\n{rows}\n")
    settings = resolve_settings({"data": str(tmp_path / "some.csv"), "model": "table"})
    space = usual_space(settings, TrainingData(settings), ())
    expected = ["lr", "weight_decay", "dropout", "embedding_dim", "dims", "rank", "members"]
    assert list(space) == expected
    assert space["dims"].values[:3] == ("8x16,8x16", "8x8,8x8", "16x16,16x16")


def test_what_is_given_is_not_searched(space_of):
    _, space = space_of(fixed={"lr", "dims", "data"})
    assert list(space) == ["rank", "bias", "order"]
    with pytest.raises(ValueError, match="nothing is left to search: lr, dims, rank, bias, order"):
        space_of(fixed={"lr", "dims", "rank", "bias", "order"})


def test_pixels_are_ordered_by_place_and_rows_of_numbers_by_likeness(space_of, settings):
    assert space_of()[1]["order"] == Choices(("none", "columns", "patches"))
    assert space_of(model="2b", warm_start="ridge", depth=1)[1].keys() == {
        *("lr", "rank", "bias", "order")
    }


def test_the_first_dims_are_the_planners_and_all_fit_the_data(settings):
    own = settings(dims=None)
    sizes = layer_sizes(own.network, in_features=784, out_features=10)
    choices = dims_choices(own, sizes)
    assert choices[0] == "28x28,28x28,28x28,2x5"
    assert "16x49,28x28,28x28,2x5" in choices
    assert len(set(choices)) == len(choices)
    widths = set()
    for text in choices:
        chosen = settings(dims=text)
        layers = chosen.network.dims
        assert (prod(layers[0]), prod(layers[-1])) == (784, 10)
        best = plan(prod(layers[1]), 10, limit=1)[0]
        assert layers[-1] == best.out_dims
        widths.add(prod(layers[1]))
        build_network(chosen.network, list(layers))
    assert widths == {784, 14**2, 20**2, 40**2}


def test_a_width_or_depth_that_is_set_is_kept(settings):
    own = settings(dims=None, width=36, depth=2)
    sizes = layer_sizes(own.network, in_features=784, out_features=10)
    assert dims_choices(own, sizes) == ("28x28,6x6,2x5", "16x49,6x6,2x5")


def test_trial_0_has_the_parameters_of_the_settings(space_of):
    own, space = space_of(rank=2, model="2b")
    data = TrainingData(own)
    usual = usual_params(own, space, data)
    expected = {"lr": 0.01, "rank": 2, "bias": "kronecker", "order": "none"}
    assert usual == {**expected, "dims": "4x4,4x4,4x4,1x3"}
    again = settings_of(own, usual)
    assert again.network.dims == ((4, 4), (4, 4), (4, 4), (1, 3))
    assert again.replace(dims=None) == own
    own, space = space_of(model="mlp")
    assert usual_params(own, space, data) == {"lr": 0.001, "width": 16, "depth": 3, "dropout": 0.1}
    own, space = space_of(model="2b", lr=0.01)
    assert "lr" not in usual_params(own, {"lr": Range(0.1, 1.0)}, data)
