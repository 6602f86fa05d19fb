"""The kernel against the definition: values and gradients, all layers, all instruction sets."""

import itertools

import pytest
import torch
from torch import Tensor

from qimlp.ops import native
from qimlp.ops.definition import kron_dense
from tests.ops.native_here import instructions, kernel, poisoned_results  # noqa: F401
from tests.problems import LAYERS, make_factors, make_input
from tests.tolerances import assert_close

BATCHES = (0, 1, 7)
#: Odd sizes around the vectors and register blocks, two factors.
ODD = [
    ((1, 3), (17, 1)), ((17, 63), (3, 65)), ((65, 1), (2, 127)), ((127, 2), (17, 17)),
    ((28, 28), (28, 28)), ((28, 28), (2, 5)), ((48, 64), (64, 48)), ((3, 65), (127, 1)),
]  # fmt: skip


def groupings(count: int) -> list[list[int]]:
    """All ways to group neighbours."""
    return [
        parts
        for size in range(1, count + 1)
        for parts in map(list, itertools.product(range(1, count + 1), repeat=size))
        if sum(parts) == count
    ]


def compare(
    ins: tuple[int, ...], outs: tuple[int, ...], rank: int, batch: int, groups: list[int],
    *, dtype: torch.dtype, bias: bool,
) -> None:  # fmt: skip
    factors = make_factors(ins, outs, rank, requires_grad=True)
    x = make_input((batch,), ins).requires_grad_()
    weight = kron_dense(factors)
    vector = torch.linspace(-1, 1, weight.shape[0], dtype=torch.float64, requires_grad=True)
    leaves = [x, *factors, *([vector] if bias else [])]
    expected = torch.nn.functional.linear(x, weight, vector if bias else None)
    # Gradients of unit scale: sums over the rows and over the other factors' entries.
    grad = make_input((batch,), outs, seed=2) / (1 + batch * expected.shape[1]) ** 0.5
    expected_grads = torch.autograd.grad(expected, leaves, grad)

    own = [leaf.detach().to(dtype).requires_grad_() for leaf in leaves]
    y = native.linear(own[0], own[1 : 1 + len(factors)], own[-1:] if bias else (), groups)
    grads = torch.autograd.grad(y, own, grad.to(dtype))
    assert_close(y.detach(), expected.detach())
    for got, true in zip(grads, expected_grads, strict=True):
        assert_close(got, true)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_small_layers_in_every_grouping(dtype):
    tried = 0
    for ins, outs, rank in LAYERS:
        for groups in groupings(len(ins)):
            for batch, bias in itertools.product(BATCHES, (False, True)):
                compare(ins, outs, rank, batch, groups, dtype=dtype, bias=bias)
                tried += 1
    assert tried == 576


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("ins", "outs"), ODD)
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_odd_sizes(ins, outs, dtype):
    for rank, batch in ((1, 5), (3, 2)):
        compare(ins, outs, rank, batch, [1, 1], dtype=dtype, bias=True)


@pytest.mark.usefixtures("kernel")
def test_more_rows_than_one_group_of_samples():
    compare((4, 5), (5, 3), 2, 301, [1, 1], dtype=torch.float64, bias=True)
    compare((4, 5), (5, 3), 2, 301, [2], dtype=torch.float64, bias=True)
    compare((4, 3, 5), (2, 3, 6), 2, 301, [1, 1, 1], dtype=torch.float64, bias=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("ins", "outs", "rank"),
    [
        ((8, 8, 8, 8, 32), (8, 8, 8, 8, 32), 2),
        ((5, 7, 9, 8, 40), (5, 9, 8, 7, 40), 1),
        ((40, 8, 9, 7, 5), (40, 9, 7, 8, 3), 3),
        ((4, 4, 4, 4, 4, 70), (4, 4, 4, 4, 4, 70), 1),
        ((96, 32, 32), (96, 32, 32), 2),
    ],
)
@pytest.mark.usefixtures("instructions")
def test_samples_that_go_part_by_part(ins, outs, rank, dtype):
    """Their first steps; the truth is one contraction for each axis, in float64."""
    factors = [f / f.shape[2] ** 0.5 for f in make_factors(ins, outs, rank)]
    x = make_input((3,), ins)
    narrow = [t.to(dtype) for t in (x, *factors)]
    with torch.no_grad():
        y = native.linear(narrow[0], narrow[1:], [], [1] * len(ins))
    expected = 0
    for copy in range(rank):
        state = narrow[0].double().reshape(3, *ins)
        for axis, factor in enumerate(narrow[1:], 1):
            state = torch.tensordot(state, factor[copy].double(), ([axis], [1])).movedim(-1, axis)
        expected = expected + state.flatten(1)
    assert_close(y, expected)


@pytest.mark.usefixtures("kernel", "poisoned_results")
def test_results_in_large_pages():
    """More than 32 MiB forward and back; a sample alone is far less."""
    dims = (64, 64, 64)
    factors = [f.float() / 8 for f in make_factors(dims, dims, 1)]
    x = make_input((40,), dims).float().requires_grad_()
    y = native.linear(x, factors, [], [1, 1, 1])
    (grad,) = torch.autograd.grad(y, x, y.detach())
    for n in (0, 39):
        row = x[n : n + 1].detach().requires_grad_()
        alone = native.linear(row, factors, [], [1, 1, 1])
        assert_close(y[n : n + 1].detach(), alone.detach())
        assert_close(grad[n : n + 1], torch.autograd.grad(alone, row, alone.detach())[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("batch", [17, 63, 65, 127])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_samples_side_by_side(batch, dtype):
    """Small factors on more rows than a vector has lanes, the last vector not full."""
    compare((4, 4, 7), (4, 4, 7), 1, batch, [1, 1, 1], dtype=dtype, bias=True)
    compare((3, 5, 2), (2, 7, 3), 2, batch, [1, 1, 1], dtype=dtype, bias=True)
    compare((4, 3, 7), (2, 5, 7), 2, batch, [2, 1], dtype=dtype, bias=False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("ins", "outs"), [((3, 7), (5, 3)), ((5, 33), (33, 5)), ((3, 5, 2), (2, 7, 3))]
)
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_a_row_of_nan_stays_alone(ins, outs, dtype):
    """Rows of an odd number of elements lie at each other's pairs, and in each other's vectors."""
    factors = make_factors(ins, outs, 2, dtype=dtype)
    groups = [1] * len(ins)
    for batch in (3, 40):
        x = make_input((batch,), ins).to(dtype)
        spoiled = x.clone()
        spoiled[1] = torch.nan
        others = torch.arange(batch) != 1
        results = []
        for rows in (x, spoiled):
            given = rows.requires_grad_()
            y = native.linear(given, factors, (), groups)
            upstream = torch.where(others[:, None], 1, torch.nan).expand_as(y).to(dtype)
            (grad_x,) = torch.autograd.grad(y, given, upstream)
            results.append((y.detach(), grad_x))
        for one, other in zip(*results, strict=True):
            assert torch.equal(one[others], other[others])
        assert results[1][0][1].isnan().all()


def misaligned(tensor: Tensor) -> Tensor:
    """The same values, one element off any alignment."""
    room = torch.empty(tensor.numel() + 1, dtype=tensor.dtype)
    return room[1:].view(tensor.shape).copy_(tensor)


def strided(tensor: Tensor) -> Tensor:
    """The same values, not contiguous."""
    return tensor.mT.contiguous().mT if tensor.dim() > 1 else torch.stack([tensor, tensor], 1)[:, 0]


@pytest.mark.parametrize("laid_out", [misaligned, strided])
@pytest.mark.usefixtures("kernel")
def test_inputs_in_any_layout(laid_out):
    factors = make_factors((5, 17), (9, 4), 2)
    x, bias = make_input((6,), (5, 17)), torch.linspace(0, 1, 36, dtype=torch.float64)
    expected = torch.nn.functional.linear(x, kron_dense(factors), bias)
    y = native.linear(laid_out(x), [laid_out(f) for f in factors], [laid_out(bias)], [1, 1])
    assert_close(y, expected)


@pytest.mark.usefixtures("kernel")
def test_a_gradient_that_is_expanded():
    factors = make_factors((3, 4), (5, 2), 2, requires_grad=True)
    x = make_input((6,), (3, 4)).requires_grad_()
    got = torch.autograd.grad(native.linear(x, factors, (), [1, 1]).sum(), [x, *factors])
    expected = torch.autograd.grad((x @ kron_dense(factors).T).sum(), [x, *factors])
    for one, other in zip(got, expected, strict=True):
        assert_close(one, other)


@pytest.mark.usefixtures("kernel")
def test_only_the_gradients_asked_for():
    factors = make_factors((3, 4), (5, 2), 2)
    x, bias = make_input((6,), (3, 4)), torch.zeros(10, dtype=torch.float64)
    grad = make_input((6,), (5, 2))
    backward = torch.ops.qimlp.kron_linear_backward
    whole = backward(grad, x, factors, [1, 1], True, True, True)
    assert len(whole) == 4
    for needs in itertools.product((False, True), repeat=3):
        expected = [
            part
            for part, wanted in zip(whole, [needs[0], needs[1], needs[1], needs[2]], strict=True)
            if wanted
        ]
        got = backward(grad, x, factors, [1, 1], *needs)
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert_close(one, other)
    for leaf in (x, *factors, bias):
        leaf.requires_grad_()
        y = native.linear(x, factors, [bias], [1, 1])
        assert torch.autograd.grad(y.sum(), [leaf])[0].shape == leaf.shape
        leaf.requires_grad_(False)


@pytest.mark.parametrize("rows", [4096, 65536])
@pytest.mark.usefixtures("kernel")
def test_sums_over_many_rows_keep_their_digits(rows):
    """Terms of one sign: a running sum in float32 would lose a digit for every ten times more."""
    factors = make_factors((4, 4), (4, 4), 1, dtype=torch.float32)
    torch.manual_seed(0)
    x, bias = torch.rand(rows, 16), torch.zeros(16)
    leaves = [*factors, bias]
    grad = torch.full((rows, 16), 0.1)

    def gradients(dtype):
        own = [leaf.to(dtype, copy=True).requires_grad_() for leaf in leaves]
        y = native.linear(x.to(dtype), own[:-1], own[-1:], [1, 1])
        return torch.autograd.grad(y, own, grad.to(dtype))

    for got, true in zip(gradients(torch.float32), gradients(torch.float64), strict=True):
        assert float((got - true).norm() / true.norm()) < 2e-6
    assert float(((gradients(torch.float32)[-1] - rows * 0.1) / (rows * 0.1)).abs().max()) < 1e-6


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_rows_on_several_threads(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compare((28, 28), (28, 28), 2, 500, [1, 1], dtype=torch.float64, bias=True)
        compare((4, 4, 7), (3, 5, 7), 1, 700, [1, 1, 1], dtype=torch.float32, bias=True)
    finally:
        torch.set_num_threads(before)
