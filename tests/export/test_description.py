"""The description of a network computes what the network computes."""

import numpy as np
import pytest
import torch
from torch import nn

from qimlp.data import Scaling
from qimlp.export.describe import describe
from qimlp.models import MLP, LowRankMLP, QiMLP, TableNetwork
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification, MultiLabel, Quantiles, Regression

NAMES = ("a", "b", "c", "d")


def predictor(network, task=None, *, order=None, offsets=None, scaling=None, shape=None):
    """A predictor of a network in float64."""
    width = network.in_features
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    return Predictor(
        network=network.double().eval(),
        task=task or Classification(NAMES),
        features=Features(order=order, offsets=offsets),
        scaling=scaling or Scaling("none", width, (0.0,), (1.0,)),
        feature_shape=shape or (width,),
    )


def outputs(made, raw):
    """What the predictor's network gives, in float64 all the way."""
    x = torch.from_numpy(raw)
    if made.features.offsets:
        x = x - torch.tensor(made.features.offsets)
    x = made.features.ordered(x)
    groups = len(made.scaling.shift)
    shift, scale = (
        torch.tensor(v, dtype=torch.float64).repeat_interleave(x.shape[1] // groups)
        for v in (made.scaling.shift, made.scaling.scale)
    )
    return made.network((x - shift) / scale).detach()


NETWORKS = {
    "two bodies": lambda: QiMLP([(3, 4), (2, 5), (2, 2)], rank=2),
    "three bodies": lambda: QiMLP([(3, 2, 2), (2, 3, 4), (2, 2, 1)], bias="dense"),
    "one body": lambda: QiMLP([(12,), (5,), (4,)], rank=3, bias=False),
    "four bodies": lambda: QiMLP([(3, 2, 1, 2), (2, 2, 3, 1), (2, 1, 2, 1)], rank=3),
    "dense": lambda: MLP([12, 7, 4], dropout=0.3),
    "low rank": lambda: LowRankMLP([12, 7, 4], rank=2),
}


@pytest.mark.parametrize("made", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("activation", ["gelu", "relu", "silu", "tanh", "identity"])
def test_it_computes_what_the_network_computes(made, activation):
    network = made()
    config = {**network.config, "activation": activation}
    kind = type(network)
    del config["kind"]
    network = kind(**config)
    order = tuple(torch.randperm(12).tolist())
    scaling = Scaling("standardize", 12, (1.0, 2.0, -3.0), (2.0, 0.5, 4.0))
    subject = predictor(network, order=order, offsets=(0.5,) * 12, scaling=scaling)
    raw = np.random.default_rng(0).normal(size=(6, 12))
    found = describe(subject)
    np.testing.assert_allclose(found.outputs(raw), outputs(subject, raw), rtol=1e-12, atol=1e-12)
    expected = torch.softmax(outputs(subject, raw), dim=1)
    np.testing.assert_allclose(found.answers(raw), expected, rtol=1e-12)
    x = found.inputs(raw)
    for layer in found.layers:
        whole = x @ layer.weight.T + layer.full_bias
        x = layer.apply(x)
        if layer.activation == "identity":
            np.testing.assert_allclose(x, whole, rtol=1e-10, atol=1e-12)
    assert found.parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("bias", ["kronecker", "dense", False])
@pytest.mark.parametrize("dims", [((1, 12), (4, 1)), ((12, 1), (1, 4))], ids=str)
def test_a_low_rank_layer_is_its_two_products(dims, bias):
    subject = predictor(QiMLP(dims, rank=3, bias=bias))
    raw = np.random.default_rng(0).normal(size=(6, 12))
    found = describe(subject)
    assert [layer.shape.sizes for layer in found.layers] == [((12,), (3,), 1), ((3,), (4,), 1)]
    np.testing.assert_allclose(found.outputs(raw), outputs(subject, raw), rtol=1e-12, atol=1e-12)


def test_one_scale_for_all_features_stays_one_number():
    scaling = Scaling("overall", 12, (3.0,), (2.0,))
    found = describe(predictor(MLP([12, 4]), scaling=scaling, shape=(3, 4)))
    assert found.shift.tolist() == [3.0]
    assert found.scale.tolist() == [2.0]
    assert found.pixels


def test_a_regression_answers_in_its_own_units():
    task = Regression(("x", "y"), (10.0, -5.0), (3.0, 0.1))
    subject = predictor(MLP([12, 2]), task)
    raw = np.random.default_rng(0).normal(size=(6, 12))
    expected = task.in_own_units(outputs(subject, raw))
    np.testing.assert_allclose(describe(subject).outputs(raw), expected, rtol=1e-12)
    np.testing.assert_array_equal(describe(subject).answers(raw), describe(subject).outputs(raw))
    assert describe(subject).answer_names == ("x", "y")


def test_labels_have_probabilities_of_their_own():
    subject = predictor(MLP([12, 4]), MultiLabel(NAMES))
    raw = np.random.default_rng(0).normal(size=(6, 12))
    expected = torch.sigmoid(outputs(subject, raw))
    np.testing.assert_allclose(describe(subject).answers(raw), expected, rtol=1e-12)


def test_what_cannot_be_described_is_refused_in_one_line():
    with pytest.raises(ValueError, match="got kind 'table'; export it as onnx, program or html"):
        describe(predictor(TableNetwork(3, [], 4)))
    with pytest.raises(ValueError, match="got quantile-regression"):
        describe(predictor(MLP([12, 3]), Quantiles.of(("x",))))
    broken = predictor(MLP([12, 4]))
    with torch.no_grad():
        broken.network.layers[0].weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        describe(broken)
    with pytest.raises(ValueError, match=r"expected examples of shape \(n, 12\), got \(3, 5\)"):
        describe(predictor(MLP([12, 4]))).outputs(np.zeros((3, 5)))
