"""A Kronecker bias, whose short vectors the kernel takes itself."""

import pytest
import torch
from torch.func import grad, jvp, vmap

from qimlp.ops import native
from qimlp.ops.definition import kron_bias, kron_dense
from tests.ops.native_here import kernel, poisoned_results  # noqa: F401
from tests.problems import make_factors, make_input
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("kernel")
# Forward-mode differentiation imports torch's TorchScript decompositions.
QUIET = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
INS, OUTS = (2, 3, 1, 2), (3, 1, 4, 2)


def arguments(count, dtype=torch.float64, batch=3):
    factors = [f.to(dtype) for f in make_factors(INS[:count], OUTS[:count], 2)]
    vectors = [torch.linspace(-1, 2 + i, n, dtype=dtype) for i, n in enumerate(OUTS[:count])]
    x = make_input((batch,), INS[:count]).to(dtype)
    return [t.detach().requires_grad_() for t in (x, *factors, *vectors)]


def split(tensors):
    x, *rest = tensors
    return x, rest[: len(rest) // 2], rest[len(rest) // 2 :]


def apply(*tensors):
    x, factors, vectors = split(tensors)
    return native.linear(x, factors, vectors, [1] * len(factors))


def reference(*tensors):
    x, factors, vectors = split(tensors)
    return torch.nn.functional.linear(x, kron_dense(factors), kron_bias(vectors))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.usefixtures("poisoned_results")
def test_value_and_gradients(count, dtype):
    given, exact = arguments(count, dtype), arguments(count)
    y, expected = apply(*given), reference(*exact)
    upstream = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    upstream = upstream / expected.numel()
    assert_close(y.detach(), expected.detach())
    grads = torch.autograd.grad(y, given, upstream.to(dtype))
    for got, true in zip(grads, torch.autograd.grad(expected, exact, upstream), strict=True):
        assert_close(got, true)


@QUIET
@pytest.mark.parametrize("count", [2, 3])
def test_derivatives_of_first_and_second_order(count):
    inputs = arguments(count, batch=2)
    assert torch.autograd.gradcheck(apply, inputs, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(apply, inputs)


def test_every_subset_of_gradients():
    leaves = arguments(2)
    expected = torch.autograd.grad(reference(*leaves).square().sum(), leaves)
    for wanted in range(1, 2**5):
        tensors = [t.detach().requires_grad_(bool(wanted >> i & 1)) for i, t in enumerate(leaves)]
        apply(*tensors).square().sum().backward()
        for tensor, true in zip(tensors, expected, strict=True):
            assert (tensor.grad is None) == (not tensor.requires_grad)
            if tensor.grad is not None:
                assert_close(tensor.grad, true)


@QUIET
def test_transforms_of_torch_func():
    inputs = [t.detach() for t in arguments(2)]
    stacked = [torch.stack([t, 2 * t, t - 1]) for t in inputs]
    assert_close(vmap(apply)(*stacked), vmap(reference)(*stacked))
    tangents = tuple(torch.ones_like(t) for t in inputs)
    assert_close(jvp(apply, tuple(inputs), tangents)[1], jvp(reference, tuple(inputs), tangents)[1])
    for argument in range(5):
        got = grad(lambda *t: apply(*t).sin().sum(), argnums=argument)(*inputs)
        assert_close(got, grad(lambda *t: reference(*t).sin().sum(), argnums=argument)(*inputs))


def test_opcheck():
    x, factors, vectors = split(arguments(2))
    torch.library.opcheck(torch.ops.qimlp.kron_layer.default, (x, factors, vectors, [1, 1]))
    upstream = torch.linspace(-1, 1, 3, dtype=torch.float64, requires_grad=True)
    torch.library.opcheck(torch.ops.qimlp.kron_bias_backward.default, (upstream, vectors))


def test_refusals():
    x, factors, (first, second) = split([t.detach() for t in arguments(2)])
    for vectors, error, message in (
        (
            [first, second, second],
            ValueError,
            "expected 2 bias vectors, one for each factor, got 3",
        ),
        ([first, first], ValueError, r"bias vector of shape \(1\), got \[3\]"),
        ([first[None], second], ValueError, r"bias vector of shape \(3\), got \[1, 3\]"),
        ([first, second.float()], TypeError, "expected bias of dtype Double as x has, got Float"),
        ([first, second.to("meta")], TypeError, "expected all on device cpu as x is, got meta"),
    ):
        with pytest.raises(error, match=message):
            native.linear(x, factors, vectors, [1, 1])
    with pytest.raises(ValueError, match=r"expected grad of shape \(3\), got \[4\]"):
        torch.ops.qimlp.kron_bias_backward(torch.zeros(4).double(), [first, second])
