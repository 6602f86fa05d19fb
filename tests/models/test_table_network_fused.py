"""The network for tables in one call of the kernel against the same in its parts."""

import pytest
import torch
from torch.nn.utils import prune

from qimlp.models import TableNetwork
from qimlp.ops.tables import layers
from tests.ops.native_here import instructions, kernel, poisoned_results  # noqa: F401
from tests.tolerances import assert_close

#: numbers, cardinalities, options
CASES = (
    (5, (3, 1), {"linear_skip": True, "rank": 2}),
    (4, (), {"hidden": ((8, 16), (8, 16), (4, 16)), "linear_skip": True}),
    (0, (2, 5), {"dropout": 0.3, "linear_skip": True}),
    (3, (), {"members": 1, "hidden": ((3, 8), (3, 8)), "embedding_dim": 8, "dropout": 0.1}),
)


def problem(numbers, cardinalities, options, dtype=torch.float64, rows=30):
    torch.manual_seed(3)
    net = TableNetwork(numbers, cardinalities, 3, dtype=torch.float64, **options)
    with torch.no_grad():  # nothing that is zero at the start hides an error
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    codes = [torch.randint(0, v + 1, (rows, 1)) for v in cardinalities]
    x = torch.cat((torch.randn(rows, numbers, dtype=torch.float64), *codes), dim=1)
    return net.to(dtype), x.to(dtype)


def gradients(net, outputs):
    net.zero_grad()
    outputs.square().mean().backward()
    return {name: parameter.grad.clone() for name, parameter in net.named_parameters()}


def in_parts(monkeypatch, call):
    with monkeypatch.context() as patch:
        patch.setattr(layers, "_FUSED", False)
        return call()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_outputs_and_gradients(case, dtype, monkeypatch):
    net, x = problem(*case, dtype)

    def run():
        torch.manual_seed(1)  # dropout draws the same
        outputs = net.train()(x)
        return outputs.detach(), gradients(net, outputs)

    outputs, found = run()
    expected, true = in_parts(monkeypatch, run)
    assert_close(outputs, expected)
    assert found.keys() == true.keys()
    for name in found:
        assert_close(found[name], true[name])


@pytest.mark.usefixtures("kernel")
def test_answers_of_many_rows_are_those_of_a_few(monkeypatch):
    net, x = problem(*CASES[0], torch.float32, rows=1500)
    with torch.no_grad():
        found = net.eval()(x)
        assert_close(found, in_parts(monkeypatch, lambda: net(x)))
        assert_close(found[1100:], net(x[1100:]))


@pytest.mark.usefixtures("kernel")
def test_the_gradient_of_the_input_and_frozen_parts(monkeypatch):
    net, x = problem(*CASES[1])
    net.embedding.requires_grad_(False)
    net.head.requires_grad_(False)
    x = x.requires_grad_()

    def run():
        return torch.autograd.grad(net(x).square().mean(), (x, net.left_0, net.skip))

    for got, true in zip(run(), in_parts(monkeypatch, run), strict=True):
        assert_close(got, true)
    x = x.detach()
    net(x).square().mean().backward()
    assert net.head.grad is None
    assert net.left_0.grad is not None


@pytest.mark.usefixtures("kernel")
def test_second_derivatives(monkeypatch):
    net, x = problem(*CASES[0])

    def run():
        (first,) = torch.autograd.grad(net(x).square().mean(), net.right_0, create_graph=True)
        return torch.autograd.grad(first.square().sum(), (net.left_0, net.embedding.frequencies))

    for got, true in zip(run(), in_parts(monkeypatch, run), strict=True):
        assert_close(got, true)


@pytest.mark.usefixtures("kernel")
def test_what_looks_into_the_network_is_still_asked():
    net, x = problem(*CASES[0])
    seen = []
    handle = net.embedding.register_forward_hook(lambda *_: seen.append("embedding"))
    net(x)
    handle.remove()
    assert seen == ["embedding"]
    whole = net.eval()(x)
    prune.l1_unstructured(net, "head", amount=0.5)
    pruned = net(x)
    assert not torch.allclose(whole, pruned)
    prune.remove(net, "head")
    assert_close(pruned, net(x))


@pytest.mark.usefixtures("kernel")
def test_other_activations_go_in_parts():
    torch.manual_seed(0)
    net = TableNetwork(3, [], 2, activation="tanh", members=2).eval()
    x = torch.randn(5, 3)
    rows = net.embedding(x)
    left, right, bias = net.layer(0)
    first = torch.tanh(torch.einsum("miar,nab,mbrj->mnij", left, rows, right) + bias.unsqueeze(1))
    left, right, bias = net.layer(1)
    second = torch.einsum("miar,mnab,mbrj->mnij", left, first, right) + bias.unsqueeze(1)
    grids = first + torch.tanh(second)
    expected = torch.baddbmm(net.head_bias.unsqueeze(1), grids.flatten(2), net.head)
    assert_close(net.member_outputs(x), expected)


@pytest.mark.usefixtures("kernel")
def test_parameters_that_do_not_fit_are_refused():
    net, x = problem(*CASES[1])
    parameters = [*net.embedding.parameters(), *net.parameters(recurse=False)]
    with pytest.raises(ValueError, match="table_network: expected 14 parameters"):
        torch.ops.qimlp.table_network(x, parameters[:-2], (), 0.0, [0, 0, 0])
