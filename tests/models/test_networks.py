import pytest
import torch
from torch import nn

from qimlp import MLP, KroneckerLinear, QiMLP
from qimlp.models import LowRankMLP, from_config, named_network
from qimlp.models.activations import ACTIVATIONS

#: data set, network, bias form -> the published (PAPER.md) or derived count of parameters
COUNTS = {
    ("mnist", "2b", "kronecker"): 3_451,
    ("mnist", "3b", "kronecker"): 769,
    ("mnist", "4b", "kronecker"): 357,
    ("mnist", "4b", "dense"): 1_878,
    ("mnist", "mlp", None): 1_238_730,
    ("cifar10", "2b", "dense"): 38_010,
    ("cifar10", "3b", "dense"): 15_014,
    ("cifar10", "4b", "kronecker"): 1_985,
    ("cifar10", "4b", "dense"): 14_130,
    ("cifar10", "mlp", None): 37_791_754,
}
WIDTHS = {"mnist": 784, "cifar10": 3072}


def count(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("data_set", "model", "bias"), COUNTS)
def test_published_counts(data_set, model, bias):
    sizes = named_network(model, in_features=WIDTHS[data_set], out_features=10, data_set=data_set)
    with torch.device("meta"):
        network = MLP(sizes) if model == "mlp" else QiMLP(sizes, bias=bias)
    assert count(network) == COUNTS[data_set, model, bias]


def test_forward_is_layers_and_activations():
    net = QiMLP([(2, 3), (3, 2), (2, 2)], rank=2, activation="tanh").double()
    first, last = net.kronecker_layers
    x = torch.randn(4, 6, dtype=torch.float64)
    expected = torch.tanh(x @ first.weight_matrix().t() + first.bias_vector())
    expected = expected @ last.weight_matrix().t() + last.bias_vector()
    torch.testing.assert_close(net(x), expected)
    assert (net.in_features, net.out_features) == (6, 4)
    assert not any(isinstance(m, nn.Dropout) for m in net.modules())


def test_the_controls_dropout_stands_last():
    net = MLP([6, 5, 4], dropout=0.5)
    assert isinstance(net.layers[-1], nn.Dropout)
    assert net.layers[-1].p == 0.5
    assert [type(m) for m in net.layers] == [nn.Linear, nn.GELU, nn.Linear, nn.Dropout]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gains_keep_the_second_moment(name):
    z = torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made, gain = ACTIVATIONS[name]
    assert gain**2 * made()(z).square().mean() == pytest.approx(1, rel=0.02)


def test_named_networks_of_other_data():
    assert named_network("2b", in_features=64, out_features=10) == [(8, 8)] * 3 + [
        (2, 5)
    ] or named_network("2b", in_features=64, out_features=10) == [(8, 8)] * 3 + [(5, 2)]
    assert named_network("mlp", in_features=64, out_features=10, depth=2) == [64, 64, 10]
    assert (
        len(named_network("3b", in_features=784, out_features=10, data_set="mnist", depth=5)) == 6
    )
    prime = named_network("2b", in_features=7, out_features=3)
    assert prime[0] == (1, 7)
    with pytest.raises(ValueError, match="model: expected one of mlp, low-rank, 2b, 3b, 4b, got"):
        named_network("5b", in_features=64, out_features=10)


def test_hidden_layers_of_a_width_of_their_own():
    assert named_network("2b", in_features=8, out_features=1, width=256) == [
        (2, 4),
        (16, 16),
        (16, 16),
        (1, 1),
    ]
    assert named_network("2b", in_features=11, out_features=2, width=64, depth=2) == [
        (1, 11),
        (8, 8),
        (1, 2),
    ]
    assert named_network("3b", in_features=64, out_features=8, width=1000)[1] == (10, 10, 10)
    for control in ("mlp", "low-rank"):
        widths = named_network(control, in_features=8, out_features=1, width=256)
        assert widths == [8, 256, 256, 1]
    one_layer = named_network("2b", in_features=64, out_features=4, depth=1)
    assert named_network("2b", in_features=64, out_features=4, depth=1, width=256) == one_layer
    widened = named_network("2b", in_features=784, out_features=10, data_set="mnist", width=1024)
    assert [in_out[0] * in_out[1] for in_out in widened] == [784, 1024, 1024, 10]
    with pytest.raises(ValueError, match="width"):
        named_network("2b", in_features=8, out_features=1, width=0)


def test_config_makes_the_same_network_again():
    for net in (
        QiMLP([(2, 3), (2, 2)], rank=2, bias=False, init="orthogonal"),
        MLP([6, 4], dropout=0.2),
        LowRankMLP([6, 5, 4], rank=2),
    ):
        again = from_config(net.config)
        assert repr(again) == repr(net)
        assert again.config == net.config
    with pytest.raises(ValueError, match="kind"):
        from_config({"kind": "cnn"})
    with pytest.raises(ValueError, match="config: .*width"):
        from_config({"kind": "mlp", "width": 3})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: QiMLP([(28, 28)]), ValueError, "at least one layer"),
        (lambda: QiMLP([(28, 28), (2, 5, 1)]), ValueError, r"dims\[1\]: expected 2 bodies"),
        (lambda: QiMLP([(28, 28), 10]), TypeError, r"dims\[1\]: expected a sequence"),
        (
            lambda: QiMLP([(28, 28), (2, 5)], activation="swish"),
            ValueError,
            "activation: expected one of",
        ),
        (lambda: QiMLP([(28, 28), (2, 5)], rank=-1), ValueError, "rank"),
        (lambda: MLP([784]), ValueError, "at least one layer"),
        (lambda: MLP([784, 0]), ValueError, r"widths\[1\]"),
        (lambda: MLP([784, 10], dropout=1.5), ValueError, r"dropout: expected a share in \[0, 1\)"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_every_layer_is_found_by_its_type():
    net = QiMLP([(4, 4)] * 4)
    assert (
        sum(isinstance(m, KroneckerLinear) for m in net.modules()) == len(net.kronecker_layers) == 3
    )
