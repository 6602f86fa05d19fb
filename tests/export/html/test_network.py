"""A page's JavaScript answers what torch answers in double precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from qimlp.data import Scaling, column_order, patch_order
from qimlp.export.html import to_html
from qimlp.models import MLP, LowRankMLP, QiMLP
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification, MultiLabel, Quantiles, Regression
from tests.export.html.pages import answers

EXACT = {"rtol": 1e-11, "atol": 1e-12}


def subject(network, task=None, *, order=None, offsets=None, scaling=None, shape=None):
    width = network.in_features
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    return Predictor(
        network=network.eval(),
        task=task or Classification(("a", "b", "c", "d")),
        features=Features(order=order, offsets=offsets),
        scaling=scaling or Scaling("none", width, (0.0,), (1.0,)),
        feature_shape=shape or (width,),
    )


def expected(made, raw):
    """Torch's answers, in float64 all the way."""
    x = torch.from_numpy(raw)
    if made.features.offsets:
        x = x - torch.tensor(made.features.offsets)
    x = made.features.ordered(x)
    each = x.shape[1] // len(made.scaling.shift)
    shift, scale = (
        torch.tensor(v, dtype=torch.float64).repeat_interleave(each)
        for v in (made.scaling.shift, made.scaling.scale)
    )
    with torch.inference_mode():
        return made.task.answers(made.network.double()((x - shift) / scale)).numpy()


NETWORKS = {
    "two bodies": lambda **how: QiMLP([(3, 4), (2, 5), (2, 2)], rank=2, **how),
    "three bodies": lambda **how: QiMLP([(3, 2, 2), (2, 3, 4), (2, 2, 1)], bias="dense", **how),
    "one body": lambda **how: QiMLP([(12,), (5,), (4,)], rank=3, bias=False, **how),
    "four bodies": lambda **how: QiMLP([(3, 2, 1, 2), (2, 2, 3, 1), (2, 1, 2, 1)], rank=3, **how),
    "dense": lambda **how: MLP([12, 7, 4], **how),
    "low rank": lambda **how: LowRankMLP([12, 7, 4], rank=2, **how),
}


@pytest.mark.parametrize("activation", ["gelu", "relu", "silu", "tanh", "identity"])
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_networks_of_layers(make, activation, tmp_path):
    scaling = Scaling("standardize", 12, (1.0, 2.0, -3.0), (2.0, 0.5, 4.0))
    order = tuple(torch.randperm(12).tolist())
    made = subject(make(activation=activation), order=order, offsets=(0.5,) * 12, scaling=scaling)
    raw = np.random.default_rng(0).normal(size=(5, 12)) * 3
    to_html(made, tmp_path / "page")
    np.testing.assert_allclose(answers(tmp_path / "page", raw), expected(made, raw), **EXACT)


TASKS = {
    "labels": MultiLabel(("a", "b", "c", "d")),
    "values": Regression(("w", "x", "y", "z"), (1.0, 2.0, 3.0, 4e6), (1.0, 0.1, 10.0, 2e3)),
    "quantiles": Quantiles(("x", "y"), (5.0, -1.0), (2.0, 0.5), quantiles=(0.1, 0.8)),
    "moved quantiles": Quantiles(
        ("x",), (5.0,), (2.0,), quantiles=(0.05, 0.4, 0.6, 0.9), margins=(1.5, 0.2, -0.4, -2.0)
    ),
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_what_outputs_mean(task, tmp_path):
    made = subject(QiMLP([(3, 4), (2, 5), (2, 2)]), task)
    raw = np.random.default_rng(1).normal(size=(20, 12)) * 2
    to_html(made, tmp_path / "page")
    np.testing.assert_allclose(answers(tmp_path / "page", raw), expected(made, raw), **EXACT)


def test_gelu_is_exact_far_out_too(tmp_path):
    made = subject(MLP([1, 1, 1]), Regression(("y",), (0.0,), (1.0,)))
    for parameter in made.network.parameters():
        nn.init.constant_(parameter, 0.0)
    nn.init.ones_(made.network.layers[0].weight)
    nn.init.ones_(made.network.layers[2].weight)
    raw = np.concatenate([np.linspace(-40, 40, 401), [0.0, -0.0, 1e-300, 1e300]])[:, None]
    to_html(made, tmp_path / "page")
    found = answers(tmp_path / "page", raw)
    np.testing.assert_allclose(found, expected(made, raw), rtol=1e-12, atol=1e-14)


def test_channels_share_their_scale(tmp_path):
    scaling = Scaling("standardize", 48, (120.0, 110.0, 100.0), (60.0, 61.0, 62.0))
    made = subject(QiMLP([(6, 8), (2, 2)]), scaling=scaling, shape=(3, 4, 4))
    raw = np.random.default_rng(0).integers(0, 256, (4, 48)).astype(float)
    to_html(made, tmp_path / "page")
    np.testing.assert_allclose(answers(tmp_path / "page", raw), expected(made, raw), **EXACT)


@pytest.mark.parametrize("order", [patch_order((28, 28), (7, 7, 16)), column_order((28, 28))])
def test_orders_of_pixels_take_no_room(order, tmp_path):
    made = subject(MLP([784, 3]), Classification(("a", "b", "c")), shape=(28, 28))
    plain = to_html(made, tmp_path / "plain").files["qimlp_network.html"]
    made = replace(made, features=Features(order=tuple(order.tolist())))
    ordered = to_html(made, tmp_path / "page").files["qimlp_network.html"]
    assert ordered < plain + 50
    raw = np.random.default_rng(0).normal(size=(3, 784))
    np.testing.assert_allclose(answers(tmp_path / "page", raw), expected(made, raw), **EXACT)
