"""Members' layers by the kernel against their definition in float64."""

import pytest
import torch
from torch.func import grad, vmap

from qimlp.ops import member_layer
from qimlp.ops.tables import definition, layers
from tests.ops.native_here import instructions, kernel, poisoned_results  # noqa: F401
from tests.tolerances import assert_close

#: groups, members, rows, (a, b), (a', b'), rank, GELU, residual
CASES = (
    (1, 4, 40, (19, 16), (8, 16), 1, True, False),
    (4, 4, 40, (8, 16), (8, 16), 1, True, True),
    (3, 3, 21, (5, 8), (5, 8), 2, True, True),
    (2, 4, 33, (5, 7), (6, 19), 3, True, False),
    (1, 1, 5, (3, 4), (3, 4), 2, False, True),
    (1, 3, 9, (17, 33), (9, 8), 2, False, False),
    (1, 2, 0, (3, 4), (5, 2), 1, True, False),
)


def arguments(groups, members, rows, ins, outs, rank, gelu, residual, dtype=torch.float64):
    generator = torch.Generator().manual_seed(rows)

    def normal(*size, scale=1.0):
        values = torch.randn(size, generator=generator, dtype=torch.float64) * scale
        return values.to(dtype).requires_grad_()

    tensors = (
        normal(groups, rows, *ins),
        normal(members, outs[0], ins[0], rank, scale=(ins[0] * rank) ** -0.5),
        normal(members, ins[1], rank, outs[1], scale=ins[1] ** -0.5),
        normal(members, *outs),
    )
    return tensors, {"gelu": gelu, "residual": residual}


def exactly(tensors):
    return [tensor.detach().double().requires_grad_() for tensor in tensors]


def check_gradients(y, expected, given, exact):
    upstream = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    upstream = upstream / max(expected.numel(), 1) ** 0.5
    found = torch.autograd.grad(y, given, upstream.to(y.dtype))
    for got, true in zip(found, torch.autograd.grad(expected, exact, upstream), strict=True):
        assert_close(got, true)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_value_and_gradients(case, dtype):
    given, options = arguments(*case, dtype)
    exact = exactly(given)
    y, expected = member_layer(*given, **options), definition.member_layer(*exact, **options)
    assert_close(y.detach(), expected.detach())
    check_gradients(y, expected, given, exact)
    with torch.no_grad():
        assert torch.equal(member_layer(*given, **options), y)


@pytest.mark.usefixtures("kernel")
def test_without_bias_and_with_an_input_that_does_not_learn():
    (x, left, right, _), options = arguments(*CASES[1])
    y = member_layer(x.detach(), left, right, None, **options)
    expected = definition.member_layer(x.detach(), left, right, None, **options)
    assert_close(y.detach(), expected.detach())
    check_gradients(y, expected, (left, right), (left, right))


@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[3]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_dropout_takes_the_mask_of_the_definition(case, dtype):
    given, options = arguments(*case, dtype)
    exact = exactly(given)
    torch.manual_seed(7)
    y = member_layer(*given, **options, dropout=0.3)
    torch.manual_seed(7)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    mask = definition.dropout_mask(seed, tuple(y.shape), 0.3, torch.float64)
    expected = definition.member_layer(*exact, **options, mask=mask)
    assert_close(y.detach(), expected.detach())
    check_gradients(y, expected, given, exact)


def test_dropout_keeps_its_share_and_the_mean():
    mask = definition.dropout_mask(3, (4, 500, 8, 13), 0.2, torch.float64)
    assert (mask == 0).double().mean() == pytest.approx(0.2, abs=0.003)
    assert mask.mean() == pytest.approx(1.0, abs=0.003)
    for axis in range(4):  # neither entries nor rows nor members drop together
        share = (mask == 0).double().mean(dim=[d for d in range(4) if d != axis])
        assert share.std() < 0.02
    other = definition.dropout_mask(4, (4, 500, 8, 13), 0.2, torch.float64)
    assert ((mask == 0) & (other == 0)).double().mean() == pytest.approx(0.04, abs=0.003)


@pytest.mark.usefixtures("kernel")
def test_dropout_follows_the_generator_and_not_the_threads(monkeypatch):
    given, options = arguments(1, 4, 3000, (19, 16), (8, 16), 1, True, False)
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        results.append(member_layer(*given, **options, dropout=0.5))
    torch.set_num_threads(1)
    assert torch.equal(*results)
    assert not torch.equal(member_layer(*given, **options, dropout=0.5), results[0])
    monkeypatch.setattr(layers, "_FUSED", False)
    torch.manual_seed(1)
    assert_close(member_layer(*given, **options, dropout=0.5).detach(), results[0].detach())


@pytest.mark.usefixtures("kernel")
def test_second_derivatives():
    given, options = arguments(1, 2, 2, (3, 2), (2, 3), 2, True, False)
    assert torch.autograd.gradgradcheck(lambda *t: member_layer(*t, **options), given)

    def dropped(*tensors):
        return torch.ops.qimlp.member_layer(*tensors, True, False, 0.5, 3)

    assert torch.autograd.gradgradcheck(dropped, given)


@pytest.mark.usefixtures("kernel")
def test_transforms():
    given, options = arguments(1, 2, 4, (3, 2), (2, 3), 2, True, False)
    x, *rest = (tensor.detach() for tensor in given)

    def loss(left, rows):
        return member_layer(rows, left, *rest[1:], **options).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(rest[0], x.view(4, 1, 1, 3, 2))
    left = rest[0].clone().requires_grad_()
    (whole,) = torch.autograd.grad(loss(left, x), left)
    assert_close(each.sum(0), whole)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("changed", "gelu", "residual", "dropout"),
    [
        ({0: (1, 4, 3, 3)}, True, False, 0.0),
        ({1: (2, 2, 3, 1)}, True, False, 0.0),
        ({2: (3, 2, 2, 3)}, True, False, 0.0),
        ({3: (2, 3, 2)}, True, False, 0.0),
        ({}, True, True, 0.0),
        ({}, False, False, 0.1),
        ({}, True, False, 1.0),
    ],
)
def test_what_does_not_fit_is_refused(changed, gelu, residual, dropout):
    sizes = {0: (1, 4, 3, 2), 1: (2, 2, 3, 2), 2: (2, 2, 2, 3), 3: (2, 2, 3), **changed}
    tensors = [torch.ones(sizes[i]) for i in range(4)]
    with pytest.raises(ValueError, match="member_layer: expected"):
        torch.ops.qimlp.member_layer(*tensors, gelu, residual, dropout, 0)
