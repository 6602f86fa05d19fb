"""The columns' vectors by the kernel against their definition in float64."""

import pytest
import torch
from torch.func import grad, jvp, vmap

from qimlp.ops import column_embedding
from qimlp.ops.tables import definition
from tests.ops.native_here import instructions, kernel, poisoned_results  # noqa: F401
from tests.tolerances import assert_close

# Forward-mode differentiation imports torch's TorchScript decompositions.
QUIET = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
#: rows, numbers, frequencies, width, cardinalities
CASES = (
    (40, 5, 16, 16, (3, 1)),
    (300, 2, 1, 33, ()),  # more rows than are added up at once
    (7, 3, 5, 6, (3, 4)),
    (5, 0, 0, 8, (2, 9)),
    (1, 1, 2, 1, ()),
    (0, 2, 3, 4, (2,)),
)


def arguments(rows, numbers, frequencies, width, cardinalities, dtype=torch.float64):
    generator = torch.Generator().manual_seed(rows)

    def normal(*size):
        return torch.randn(size, generator=generator, dtype=torch.float64)

    codes = [torch.randint(0, v + 1, (rows, 1), generator=generator) for v in cardinalities]
    x = torch.cat((normal(rows, numbers), *codes), dim=1).to(dtype)
    tensors = [None] * 4
    if numbers:
        inputs = 2 * frequencies + 1
        sizes = (numbers, frequencies), (numbers, inputs, width), (numbers, width)
        tensors[:3] = (normal(*size) for size in sizes)
    if cardinalities:
        tensors[3] = normal(sum(cardinalities) + len(cardinalities), width)
    return x, [None if t is None else t.to(dtype).requires_grad_() for t in tensors]


def of(tensors):
    return [tensor for tensor in tensors if tensor is not None]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_value_and_gradients(case, dtype):
    x, given = arguments(*case, dtype)
    exact = [None if t is None else t.detach().double().requires_grad_() for t in given]
    y = column_embedding(x, *given, case[-1])
    expected = definition.column_embedding(x.double(), *exact, case[-1])
    assert_close(y.detach(), expected.detach())
    upstream = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    upstream = upstream / max(expected.numel(), 1) ** 0.5
    found = torch.autograd.grad(y, of(given), upstream.to(dtype))
    for got, true in zip(found, torch.autograd.grad(expected, of(exact), upstream), strict=True):
        assert_close(got, true)
    with torch.no_grad():
        assert torch.equal(column_embedding(x, *given, case[-1]), y)


def test_sines_of_large_angles(instructions):  # noqa: F811
    x = torch.linspace(-20, 20, 4001).unsqueeze(1)
    frequencies = torch.tensor([[0.8]])  # up to 100 radians
    y = column_embedding(x, frequencies, torch.eye(3).unsqueeze(0), torch.zeros(1, 3), None, ())
    angles = 2 * torch.pi * x.double() * frequencies.double()
    expected = torch.cat((angles.sin(), angles.cos(), x.double()), dim=1)
    # Without a fused multiply-add the rounding of the angle stays, as it does in torch.
    limit = 6e-6 if instructions == "portable" else 1e-6
    assert (y.squeeze(1) - expected).abs().max() < limit


@pytest.mark.usefixtures("kernel")
def test_what_is_no_code_counts_as_unseen():
    table = torch.arange(8.0).view(4, 2)
    x = torch.tensor([[0.0], [3.0], [4.0], [-1.0], [1e30], [float("nan")], [float("-inf")]])
    y = column_embedding(x, None, None, None, table, (3,))
    assert y.squeeze(1)[:, 0].tolist() == [0, 6, 0, 0, 0, 0, 0]
    assert torch.equal(definition.column_embedding(x, None, None, None, table, (3,)), y)


@pytest.mark.usefixtures("kernel")
def test_the_gradient_of_x_and_parts_that_do_not_learn():
    x, given = arguments(7, 3, 5, 6, (3, 4))
    frozen = [given[0].detach(), *given[1:]]
    inputs = x[:, :3].clone().requires_grad_()
    y = column_embedding(torch.cat((inputs, x[:, 3:]), dim=1), *frozen, (3, 4))
    expected = definition.column_embedding(torch.cat((inputs, x[:, 3:]), dim=1), *frozen, (3, 4))
    for got, true in zip(
        torch.autograd.grad(y.square().sum(), (inputs, *given[1:])),
        torch.autograd.grad(expected.square().sum(), (inputs, *given[1:])),
        strict=True,
    ):
        assert_close(got, true)


@pytest.mark.usefixtures("kernel")
def test_second_derivatives():
    x, given = arguments(4, 2, 2, 3, (2,))
    assert torch.autograd.gradgradcheck(lambda *t: column_embedding(x, *t, (2,)), tuple(given))


@QUIET
@pytest.mark.usefixtures("kernel")
def test_transforms():
    x, given = arguments(4, 2, 2, 3, (2,))
    tensors = [tensor.detach() for tensor in given]

    def loss(weight, rows):
        return column_embedding(rows, tensors[0], weight, *tensors[2:], (2,)).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(tensors[1], x.unsqueeze(1))
    weight = tensors[1].clone().requires_grad_()
    (whole,) = torch.autograd.grad(loss(weight, x), weight)
    assert_close(each.sum(0), whole)
    value, tangent = jvp(lambda w: loss(w, x), (tensors[1],), (torch.ones_like(tensors[1]),))
    assert_close(value, loss(weight, x).detach())
    assert_close(tangent, whole.sum())


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("wrong", ["x", "weight", "bias", "table"])
def test_shapes_that_do_not_fit_are_refused(wrong):
    x, given = arguments(4, 2, 2, 3, (2,))
    tensors = dict(zip(("frequencies", "weight", "bias", "table"), given, strict=True), x=x)
    tensors[wrong] = tensors[wrong][..., :-1].contiguous()
    with pytest.raises(ValueError, match="column_embedding: expected"):
        torch.ops.qimlp.column_embedding(
            *(tensors[name] for name in ("x", "frequencies", "weight", "bias", "table")), (2,)
        )
