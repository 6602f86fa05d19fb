"""The registered operator: schema, shapes, derivatives, three and more factors."""

import pytest
import torch
from torch._subclasses import FakeTensorMode

from qimlp.functional import kron_dense
from qimlp.ops import native
from qimlp.shapes import KroneckerShape
from qimlp.shapes.gpu_limits import fused_groups
from tests.ops.triton_here import DEVICE, skip_without_triton
from tests.problems import make_factors, make_input
from tests.tolerances import assert_close

skip_without_triton()

from qimlp.ops.triton import linear as triton_linear  # noqa: E402 - needs Triton
from qimlp.ops.triton import operator as triton_operator  # noqa: E402 - needs Triton

LAYERS = [
    # fewest factors used: two, then three and four pair by pair
    ((3, 4), (5, 2), 2),
    ((2, 3, 4), (3, 2, 2), 2),
    ((2, 3, 2, 2), (3, 1, 2, 4), 3),
    ((17, 5, 20), (3, 30, 18), 1),
    ((17, 2, 9, 17), (2, 17, 17, 3), 1),
]


@pytest.fixture(scope="module")
def operator():
    """The kernels under another name, on the device of these tests."""
    return triton_operator.register("qimlp_test", DEVICE.upper())


def leaves(in_dims, out_dims, rank, rows=3):
    factors = [f.to(DEVICE) for f in make_factors(in_dims, out_dims, rank, dtype=torch.float32)]
    x = make_input((rows,), in_dims, dtype=torch.float32).to(DEVICE)
    bias = make_input((), out_dims, dtype=torch.float32).to(DEVICE)
    return [t.requires_grad_() for t in (x, bias, *factors)]


def apply(operator, x, factors, bias):
    shape = KroneckerShape(
        tuple(f.shape[2] for f in factors), tuple(f.shape[1] for f in factors), len(factors[0])
    )
    groups = fused_groups(shape, "float32")
    return triton_linear.linear_with(operator.forward, x, factors, bias, groups)


def definition(x, bias, *factors):
    return x @ kron_dense(factors).t() + bias


@pytest.mark.parametrize(("in_dims", "out_dims", "rank"), LAYERS[:4])
def test_values_and_all_gradients(operator, in_dims, out_dims, rank):
    x, bias, *factors = inputs = leaves(in_dims, out_dims, rank)
    wide = [t.detach().double().requires_grad_() for t in inputs]
    expected = definition(*wide)
    y = apply(operator, x, factors, bias)
    assert_close(y, expected)
    grad = torch.randn_like(y)
    wanted = torch.autograd.grad(expected, wide, grad.double())
    for got, want in zip(torch.autograd.grad(y, inputs, grad), wanted, strict=True):
        assert_close(got, want)
    with torch.no_grad():
        without = apply(operator, x, factors, None)
        assert_close(without, expected - wide[1])


@pytest.mark.parametrize("rows", [0, 2])
def test_four_factors_pair_by_pair(operator, rows):
    in_dims, out_dims, rank = LAYERS[4]
    x, bias, *factors = leaves(in_dims, out_dims, rank, rows)
    y = apply(operator, x, factors, bias)
    expected = x.detach().double()
    for mode, factor in enumerate(factors):
        sizes = (*out_dims[:mode], *in_dims[mode:])
        z = expected.reshape(rows, *sizes).movedim(mode + 1, -1)
        expected = (z @ factor[0].double().t()).movedim(-1, mode + 1)
    assert_close(y, expected.reshape(rows, y.shape[1]) + bias.double())


@pytest.mark.parametrize(("in_dims", "out_dims", "rank"), LAYERS[:2])
def test_second_derivatives(operator, in_dims, out_dims, rank):
    x, bias, *factors = inputs = leaves(in_dims, out_dims, rank)

    def penalty(y, *sources):
        gradients = torch.autograd.grad(y.pow(3).sum(), sources, create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in gradients), sources)

    got = penalty(apply(operator, x, factors, bias), *inputs)
    wide = [t.detach().double().requires_grad_() for t in inputs]
    wanted = penalty(definition(*wide), *wide)
    for value, want in zip(got, wanted, strict=True):
        scale = want.abs().max()
        assert_close(value / scale, want / scale)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("frozen", range(4))
def test_frozen_arguments_get_no_gradient(operator, frozen, create_graph):
    inputs = leaves((3, 4), (5, 2), 2)
    inputs[frozen].requires_grad_(False)
    x, bias, *factors = inputs
    others = [t for t in inputs if t.requires_grad]
    wanted = torch.autograd.grad(definition(*inputs).pow(2).sum(), others)
    y = apply(operator, x, factors, bias)
    got = torch.autograd.grad(y.pow(2).sum(), others, create_graph=create_graph)
    for value, want in zip(got, wanted, strict=True):
        scale = want.abs().max()
        assert_close(value / scale, want / scale)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it checks
def test_opcheck(operator):
    x, bias, *factors = leaves((2, 3, 4), (3, 2, 2), 2)
    torch.library.opcheck(operator.forward, (x, factors, bias, (1, 2)))
    torch.library.opcheck(operator.forward, (x, factors, None, (2, 1)))
    plain = [t.detach() for t in (torch.randn(3, 12, device=DEVICE), x, *factors)]
    arguments = (plain[0], plain[1], plain[2:], (1, 2), True, True, True)
    torch.library.opcheck(operator.backward, arguments)


def test_cuda_finds_the_kernels_by_the_operators_name():
    triton_operator.register()
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    assert has_kernel("qimlp::kron_linear", "CUDA")
    assert has_kernel("qimlp::kron_linear_backward", "CUDA")
    with FakeTensorMode():
        x = torch.empty(5, 6, device="cuda")
        factors = [torch.empty(2, o, i, device="cuda") for o, i in ((4, 2), (1, 3))]
        y = torch.ops.qimlp.kron_linear(x, factors, None, (1, 1))
        assert y.shape == (5, 4)
        assert y.device.type == "cuda"


def test_groups_must_make_two_factors(operator):
    x, _, *factors = leaves((2, 3, 4), (3, 2, 2), 1)
    with pytest.raises(ValueError, match=r"two numbers that sum to 3.*got \[1, 1, 1\]"):
        operator.forward(x, factors, None, (1, 1, 1))


def test_what_the_kernels_would_read_past_is_refused(operator):
    x, bias, *factors = leaves((3, 4), (5, 2), 2)
    with pytest.raises(ValueError, match=r"x: expected shape \(batch, 12\), got \(3, 11\)"):
        operator.forward(x[:, :11], factors, bias, [1, 1])
    with pytest.raises(
        TypeError, match=r"factors: expected torch.float32 on .*, got torch.float64"
    ):
        operator.forward(x, [f.double() for f in factors], bias, [1, 1])
    with pytest.raises(ValueError, match=r"bias: expected shape \(10,\), got \(3,\)"):
        operator.forward(x, factors, bias[:3], [1, 1])
    with pytest.raises(TypeError, match=r"bias: expected torch.float32 on .*, got torch.float64"):
        operator.forward(x, factors, bias.double(), [1, 1])
    with pytest.raises(ValueError, match=r"factors: expected one rank, got 1 and 2"):
        operator.forward(x, [factors[0][:1], factors[1]], bias, [1, 1])
    plain = [t.detach() for t in (torch.randn(3, 9, device=DEVICE), x, *factors)]
    with pytest.raises(ValueError, match=r"grad: expected shape \(3, 10\), got \(3, 9\)"):
        operator.backward(plain[0], plain[1], plain[2:], [1, 1], True, True, True)


@pytest.mark.parametrize("registers", [False, True])
def test_a_traced_call_has_no_graph_break(operator, registers):
    if registers and DEVICE == "cpu" and not native.available():
        pytest.skip("on the CPU the operator of that name is the C++ kernel's, which is not here")
    x, bias, *factors = leaves((3, 4), (5, 2), 2)

    def call(x, a, b, bias):
        if registers:
            return triton_linear.linear(x, [a, b], bias, (1, 1)).relu()
        return triton_linear.linear_with(operator.forward, x, [a, b], bias, (1, 1)).relu()

    traced = torch.compile(call, backend="aot_eager", fullgraph=True)
    y = traced(x, *factors, bias)
    expected = call(x, *factors, bias)
    assert_close(y, expected.double())
    inputs = [x, bias, *factors]
    grad = torch.ones_like(y)
    wanted = torch.autograd.grad(expected, inputs, grad)
    for got, want in zip(torch.autograd.grad(y, inputs, grad), wanted, strict=True):
        assert_close(got, want.double())
