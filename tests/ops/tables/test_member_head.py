"""Members' dense layers by the kernel against their definition in float64."""

import pytest
import torch

from qimlp.ops import member_head
from qimlp.ops.tables import definition
from tests.ops.native_here import instructions, kernel, poisoned_results  # noqa: F401
from tests.tolerances import assert_close

#: members, rows, inputs, outputs
CASES = ((4, 70, 33, 2), (2, 9, 128, 19), (1, 5, 3, 1), (3, 0, 4, 2), (2, 150, 40, 8))


def arguments(members, rows, inputs, outputs, dtype=torch.float64):
    generator = torch.Generator().manual_seed(rows)
    sizes = (members, rows, inputs), (members, inputs, outputs), (members, outputs)
    tensors = [torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]
    tensors[1] = tensors[1] / inputs**0.5
    return [tensor.to(dtype).requires_grad_() for tensor in tensors]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_value_and_gradients(case, dtype):
    given = arguments(*case, dtype)
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    y, expected = member_head(*given), definition.member_head(*exact)
    assert_close(y.detach(), expected.detach())
    upstream = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    upstream = upstream / max(expected.numel(), 1) ** 0.5
    found = torch.autograd.grad(y, given, upstream.to(dtype))
    for got, true in zip(found, torch.autograd.grad(expected, exact, upstream), strict=True):
        assert_close(got, true)
    with torch.no_grad():
        assert torch.equal(member_head(*given), y)


@pytest.mark.usefixtures("kernel")
def test_second_derivatives():
    assert torch.autograd.gradgradcheck(member_head, arguments(2, 3, 4, 2))


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_shapes_that_do_not_fit_are_refused(wrong):
    tensors = [torch.ones(size) for size in ((2, 3, 4), (2, 4, 5), (2, 5))]
    tensors[wrong] = tensors[wrong][..., 1:]
    with pytest.raises(ValueError, match="member_head: expected"):
        torch.ops.qimlp.member_head(*tensors)
