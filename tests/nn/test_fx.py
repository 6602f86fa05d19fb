"""`torch.fx.symbolic_trace`: a layer is one call in the graph, with its parameters by name."""

import pytest
import torch
from torch import nn

import qimlp
from qimlp.functional import kron_linear

LAYERS = [
    {"bias": "kronecker", "in_dims": (3, 4), "out_dims": (5, 2)},
    {"bias": "dense", "in_dims": (3, 4), "out_dims": (5, 2), "rank": 2},
    {"bias": False, "in_dims": (2, 3, 2), "out_dims": (5, 1, 2)},
]


@pytest.mark.parametrize("given", LAYERS)
def test_a_layer_is_one_call(given):
    layer = qimlp.KroneckerLinear(12, 10, dtype=torch.float64, **given)
    traced = torch.fx.symbolic_trace(layer)
    targets = [node.target for node in traced.graph.nodes if node.op == "call_function"]
    assert targets == [kron_linear]
    assert traced.state_dict().keys() == layer.state_dict().keys()
    for shape in ((6, 12), (2, 3, 12)):
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        expected = layer(x)
        assert torch.equal(traced(x), expected)
        own = [traced.get_parameter(name) for name, _ in layer.named_parameters()]
        wanted = torch.autograd.grad(expected.sum(), [x, *layer.parameters()])
        got = torch.autograd.grad(traced(x).sum(), [x, *own])
        assert all(map(torch.equal, got, wanted))


def test_a_network_with_its_activations():
    net = qimlp.QiMLP([(3, 4), (3, 4), (5, 2)]).double()
    x = torch.randn(6, 12, dtype=torch.float64)
    traced = torch.fx.symbolic_trace(net)
    torch.testing.assert_close(traced(x), net(x), rtol=1e-12, atol=1e-12)
    kinds = {
        type(traced.get_submodule(n.target)) for n in traced.graph.nodes if n.op == "call_module"
    }
    assert kinds == {nn.GELU}


def test_a_tracer_may_keep_the_layers_whole():
    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, module: nn.Module, name: str) -> bool:
            return isinstance(module, qimlp.KroneckerLinear) or super().is_leaf_module(module, name)

    graph = Tracer().trace(qimlp.QiMLP([(3, 4), (3, 4), (5, 2)]))
    calls = [node.target for node in graph.nodes if node.op == "call_module"]
    assert calls == ["layers.0", "layers.1", "layers.2"]


class Own(nn.Module):
    """A user's layer made of the function."""

    def __init__(self, bias):
        super().__init__()
        self.factors = nn.ParameterList(torch.randn(2, *size) for size in ((5, 3), (2, 4)))
        self.bias = bias

    def forward(self, x):
        return kron_linear(x, self.factors, self.bias)


@pytest.mark.parametrize(
    "bias",
    [
        lambda: None,
        lambda: nn.Parameter(torch.randn(10)),
        lambda: nn.ParameterList(torch.randn(size) for size in (5, 2)),
    ],
)
def test_a_module_that_calls_the_function(bias):
    own, x = Own(bias()), torch.randn(6, 12)
    traced = torch.fx.symbolic_trace(own)
    twice = torch.fx.symbolic_trace(traced)
    assert torch.equal(traced(x), own(x))
    assert torch.equal(twice(x), own(x))


def test_factors_that_are_arguments():
    def of_arguments(x, first, second):
        return qimlp.functional.kron_matmul(x, [first, second], method="dense")

    given = torch.randn(6, 12), torch.randn(1, 5, 3), torch.randn(1, 2, 4)
    assert torch.equal(torch.fx.symbolic_trace(of_arguments)(*given), of_arguments(*given))


def test_a_network_under_a_mode_or_device_keeps_its_values():
    net, x = qimlp.QiMLP([(3, 4), (3, 4), (5, 2)]), torch.randn(2, 3, 12)
    expected = net(x)
    with torch.device("cpu"):
        assert torch.equal(net(x), expected)


class Labelled(torch.Tensor):
    """Nothing but a name."""


def test_a_subclass_of_tensor_may_be_compiled():
    net, x = qimlp.QiMLP([(3, 4), (3, 4), (5, 2)]), torch.randn(6, 12)
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    y = compiled(x.as_subclass(Labelled))
    torch.testing.assert_close(y.as_subclass(torch.Tensor), net(x))


def test_a_subclass_of_tensor_keeps_its_type():
    layer = qimlp.KroneckerLinear(12, 10, in_dims=(3, 4), out_dims=(5, 2))
    x = torch.randn(6, 12)
    y = layer(x.as_subclass(Labelled))
    assert type(y) is Labelled
    assert torch.equal(y.as_subclass(torch.Tensor), layer(x))
