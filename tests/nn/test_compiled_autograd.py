"""Compiled autograd (`torch._dynamo.compiled_autograd`): the kernel's node is part of the graph."""

import pytest
import torch
from torch._dynamo import compiled_autograd

import qimlp
from tests.ops.native_here import kernel  # noqa: F401

NETWORKS = {
    "kronecker bias": lambda: qimlp.KroneckerLinear(12, 10, in_dims=(3, 4), out_dims=(5, 2)),
    "dense bias": lambda: qimlp.KroneckerLinear(
        12, 10, "dense", in_dims=(3, 4), out_dims=(5, 2), rank=2
    ),
    "no bias": lambda: qimlp.KroneckerLinear(12, 10, False, in_dims=(2, 3, 2), out_dims=(5, 1, 2)),
    "network": lambda: qimlp.QiMLP([(3, 4), (3, 4), (5, 2)]),
}


@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 13),
    reason="tried with torch 2.13 and later",
)
# Of torch itself, which looks at the gradients of what it records.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.usefixtures("kernel")
def test_gradients_are_the_same(name, frozen):
    torch.manual_seed(0)
    net = NETWORKS[name]().double()
    if frozen:
        for key, parameter in net.named_parameters():
            parameter.requires_grad_("factor_0" not in key)
    for rows in (5, 9):
        x = torch.randn(rows, 12, dtype=torch.float64, requires_grad=True)
        leaves = [p for p in (x, *net.parameters()) if p.requires_grad]
        expected = torch.autograd.grad(net(x).square().sum(), leaves)
        with compiled_autograd._enable(torch.compile(backend="aot_eager")):
            net(x).square().sum().backward()
        for leaf, wanted in zip(leaves, expected, strict=True):
            torch.testing.assert_close(leaf.grad, wanted, rtol=1e-12, atol=1e-12)
            leaf.grad = None
