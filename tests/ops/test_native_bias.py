"""The Kronecker bias as an operator."""

from functools import reduce

import pytest
import torch

from qimlp.ops import native
from tests.ops.native_here import kernel  # noqa: F401
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("kernel")


def vectors(count, dtype=torch.float64):
    return [torch.linspace(-1, 2 + i, 2 + i, dtype=dtype).requires_grad_() for i in range(count)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_value_and_gradients(count, dtype):
    given, exact = vectors(count, dtype), vectors(count)
    product, expected = native.bias(given), reduce(torch.kron, exact)
    upstream = torch.linspace(-1, 1, len(expected), dtype=torch.float64) / len(expected)
    assert_close(product.detach(), expected.detach())
    grads = torch.autograd.grad(product, given, upstream.to(dtype))
    for got, true in zip(grads, torch.autograd.grad(expected, exact, upstream), strict=True):
        assert_close(got, true)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_derivatives_of_first_and_second_order():
    def product(*given):
        return native.bias(given)

    assert torch.autograd.gradcheck(
        product, vectors(3), check_forward_ad=True, check_batched_grad=True
    )
    assert torch.autograd.gradgradcheck(product, vectors(3))


def test_opcheck():
    torch.library.opcheck(torch.ops.qimlp.kron_bias.default, (vectors(2),))


def test_refusals():
    with pytest.raises(ValueError, match="at least one vector"):
        native.bias([])
    with pytest.raises(ValueError, match=r"expected vectors, got a tensor of shape \[2, 2\]"):
        native.bias([torch.zeros(2), torch.zeros(2, 2)])
    with pytest.raises(TypeError, match="of one dtype"):
        native.bias([torch.zeros(2), torch.zeros(2).double()])
