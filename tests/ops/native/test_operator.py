"""The torch operator: registration, tracing, transforms, threads, refusals."""

import pytest
import torch
from torch.func import functional_call, grad, hessian, jvp, vmap

from qimlp import KroneckerLinear
from qimlp.ops import native
from qimlp.ops.definition import kron_dense
from tests.ops.native_here import kernel  # noqa: F401
from tests.problems import make_factors, make_input
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("kernel")
INS, OUTS, RANK = (3, 4), (2, 5), 2
# Forward-mode differentiation imports torch's TorchScript decompositions.
QUIET = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")


def arguments(*, requires_grad=False):
    factors = make_factors(INS, OUTS, RANK, requires_grad=requires_grad)
    bias = torch.linspace(-1, 1, 10, dtype=torch.float64, requires_grad=requires_grad)
    return make_input((3,), INS).requires_grad_(requires_grad), bias, *factors


def apply(x, bias, *factors):
    return native.linear(x, factors, (bias,), [1, 1])


def reference(x, bias, *factors):
    return torch.nn.functional.linear(x, kron_dense(factors), bias)


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        _, bias, *factors = arguments()
        self.bias = torch.nn.Parameter(bias)
        self.factors = torch.nn.ParameterList(factors)

    def forward(self, x):
        return native.linear(x.sin(), list(self.factors), (self.bias,), [1, 1]).relu()


def test_opcheck():
    x, bias, *factors = arguments(requires_grad=True)
    upstream = make_input((3,), OUTS).requires_grad_()
    operators = torch.ops.qimlp
    torch.library.opcheck(operators.kron_linear.default, (x, factors, bias, [1, 1]))
    torch.library.opcheck(operators.kron_layer.default, (x, factors, [bias], [1, 1]))
    torch.library.opcheck(
        operators.kron_linear_backward.default, (upstream, x, factors, [2], True, True, True)
    )


@QUIET
def test_derivatives_of_first_and_second_order():
    inputs = arguments(requires_grad=True)
    assert torch.autograd.gradcheck(apply, inputs, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(apply, inputs)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_second_derivatives_of_any_number_of_factors(count):
    ins, outs = (2, 3, 1, 2)[:count], (3, 1, 2, 2)[:count]
    factors = make_factors(ins, outs, 2, requires_grad=True)
    x = make_input((2,), ins).requires_grad_()

    def whole(x, *factors):
        return native.linear(x, factors, (), [count])

    assert torch.autograd.gradgradcheck(whole, (x, *factors))


def test_vmap():
    x, bias, *factors = arguments()
    stacked = [torch.stack([t, 2 * t, t - 1]) for t in (x, bias, *factors)]
    assert_close(vmap(apply)(*stacked), vmap(reference)(*stacked))
    assert_close(
        vmap(apply, in_dims=(0, None, None, None))(stacked[0], bias, *factors),
        vmap(reference, in_dims=(0, None, None, None))(stacked[0], bias, *factors),
    )


@QUIET
def test_transforms_of_torch_func():
    inputs = arguments()
    assert_close(jvp(apply, inputs, inputs)[1], jvp(reference, inputs, inputs)[1])

    def loss(function):
        return lambda *args: function(*args).sin().sum()

    for argument in range(4):
        got = grad(loss(apply), argnums=argument)(*inputs)
        assert_close(got, grad(loss(reference), argnums=argument)(*inputs))
    per_sample = (0, None, None, None)
    stacked = torch.stack([inputs[0], 2 * inputs[0]])
    assert_close(
        vmap(grad(loss(apply), argnums=2), in_dims=per_sample)(stacked, *inputs[1:]),
        vmap(grad(loss(reference), argnums=2), in_dims=per_sample)(stacked, *inputs[1:]),
    )
    assert_close(
        hessian(loss(apply), argnums=2)(*inputs), hessian(loss(reference), argnums=2)(*inputs)
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_in_one_graph(dynamic):
    torch.compiler.reset()
    layer = Layer()
    compiled = torch.compile(layer, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    x = make_input((6,), INS).requires_grad_()
    y, expected = compiled(x), layer(x)
    leaves = [x, *layer.parameters()]
    assert_close(y, expected)
    for got, true in zip(
        torch.autograd.grad(y.sum(), leaves),
        torch.autograd.grad(expected.sum(), leaves),
        strict=True,
    ):
        assert_close(got, true)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_export_for_any_batch():
    layer, batch = Layer(), torch.export.Dim("batch")
    program = torch.export.export(layer, (make_input((6,), INS),), dynamic_shapes=({0: batch},))
    assert "qimlp.kron_layer" in program.graph_module.code
    for rows in (2, 9):
        x = make_input((rows,), INS)
        assert_close(program.module()(x), layer(x))


def test_functional_call():
    layer = Layer()
    doubled = {name: 2 * value for name, value in layer.named_parameters()}
    x = make_input((3,), INS)
    factors = [doubled["factors.0"], doubled["factors.1"]]
    expected = reference(x.sin(), doubled["bias"], *factors).relu()
    assert_close(functional_call(layer, doubled, (x,)), expected)


def test_the_same_bits_every_time_for_one_number_of_threads():
    before = torch.get_num_threads()
    factors = make_factors((32, 32), (32, 32), 2, dtype=torch.float32, requires_grad=True)
    x = make_input((513,), (32, 32), dtype=torch.float32).requires_grad_()
    upstream = make_input((513,), (32, 32), dtype=torch.float32, seed=3)
    results = {}
    try:
        for threads in (1, 2, 3, 3):
            torch.set_num_threads(threads)
            y = native.linear(x, factors, (), [1, 1])
            found = [y, *torch.autograd.grad(y, [x, *factors], upstream)]
            for got, other in zip(found, results.setdefault(threads, found), strict=True):
                assert torch.equal(got, other)
            assert torch.equal(y, results[1][0])
            for got, one_thread in zip(found[2:], results[1][2:], strict=True):
                # Sums over 16,416 terms of unit scale, in another order.
                torch.testing.assert_close(got, one_thread, rtol=1e-4, atol=1e-2)
    finally:
        torch.set_num_threads(before)


def test_inference_mode_and_no_grad():
    x, bias, *factors = arguments(requires_grad=True)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            y = apply(x, bias, *factors)
        assert not y.requires_grad
        assert_close(y, reference(x, bias, *factors))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"x": torch.zeros(3, 11)},
            ValueError,
            r"expected x of shape \(batch, 12\), got \[3, 11\]",
        ),
        ({"x": torch.zeros(3, 12).half()}, TypeError, "expected float32, float64 or bfloat16"),
        ({"x": torch.zeros(3, 12).double()}, TypeError, "expected factors of dtype Double"),
        ({"factors": []}, ValueError, "at least one factor"),
        ({"factors": [torch.zeros(1, 2, 3), torch.zeros(2, 5, 4)]}, ValueError, "of one rank"),
        ({"bias": [torch.zeros(9)]}, ValueError, r"bias of shape \(10\), got \[9\]"),
        ({"groups": [1]}, ValueError, "sum to 2 factors, got"),
        ({"groups": [2, 0]}, ValueError, "at least 1 factor"),
    ],
)
def test_refusals(change, error, message):
    call = {
        "x": torch.zeros(3, 12),
        "factors": [torch.zeros(1, 2, 3), torch.zeros(1, 5, 4)],
        "bias": [],
        "groups": [1, 1],
    }
    native.linear(**call)
    with pytest.raises(error, match=message):
        native.linear(**(call | change))


def test_a_frozen_layer_keeps_no_input():
    x, bias, *factors = arguments(requires_grad=False)
    kept = []

    def pack(tensor):
        kept.append(tensor)
        return tensor

    x.requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        hidden = x * 1.0
        y = apply(hidden, bias, *factors)
    assert all(tensor.data_ptr() != hidden.data_ptr() for tensor in kept)
    hidden.add_(1.0)  # nothing on the way back reads it
    grad = torch.randn_like(y)
    (got,) = torch.autograd.grad(y, x, grad, retain_graph=True)
    (expected,) = torch.autograd.grad(reference(x, bias, *factors), x, grad)
    assert_close(got, expected)
    again = grad.clone().requires_grad_()
    (first,) = torch.autograd.grad(y, x, again, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), again)
    assert_close(second, reference(torch.ones_like(x), None, *factors).detach())


def test_what_goes_wrong_in_a_hook_goes_wrong_once():
    layer = KroneckerLinear(16, 16, in_dims=(4, 4), out_dims=(4, 4))
    calls = []

    def pack(tensor):
        calls.append(tensor)
        raise RuntimeError("no room")

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        pytest.raises(RuntimeError, match="no room"),
    ):
        layer(torch.randn(3, 16))
    assert len(calls) == 1
