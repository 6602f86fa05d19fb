"""The fused kernels against the definition in float64: values, all gradients, all shapes."""

from contextlib import contextmanager

import pytest
import torch

from qimlp.functional import kron_dense
from tests.ops.triton_here import DEVICE, skip_without_triton
from tests.problems import make_factors, make_input
from tests.tolerances import assert_close

skip_without_triton()

from qimlp.ops.triton import launch as triton_launch  # noqa: E402 - needs Triton

SHAPES = [
    # (q, s), (p, r): sizes of 1, odd ones, at and beside the tiles' borders, rectangular
    ((1, 1), (1, 1)),
    ((3, 17), (17, 1)),
    ((17, 3), (1, 17)),
    ((16, 32), (32, 16)),
    ((28, 28), (28, 28)),
    ((28, 28), (2, 5)),
    ((31, 5), (15, 32)),
]
LARGE = [((63, 65), (65, 63)), ((48, 64), (64, 48)), ((16, 49), (16, 49)), ((7, 112), (5, 127))]
# Triton's interpreter multiplies the bits of bfloat16 numbers as integers, so they need a GPU.
HALVES = (torch.float16, torch.bfloat16) if DEVICE == "cuda" else (torch.float16,)
FLOAT32 = [(*shape, rank, torch.float32) for shape in SHAPES for rank in (1, 2, 3)]
HALF = [
    (*shape, rank, dtype)
    for shape in [*SHAPES[1::2], *LARGE]
    for rank in (1, 3)
    for dtype in HALVES
]


ALL = {"needs_x": True, "needs_factors": True, "needs_bias": True}


@contextmanager
def poisoned_memory():
    """Memory that is not initialised holds NaN."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def problem(in_dims, out_dims, rank, dtype, rows):
    """Operands of `dtype`, and the same numbers in float64 for the truth."""
    a, b = (f.to(DEVICE) for f in make_factors(in_dims, out_dims, rank, dtype=dtype))
    x = make_input((rows,), in_dims, dtype=dtype).to(DEVICE)
    grad = make_input((rows,), out_dims, dtype=dtype, seed=2).to(DEVICE)
    bias = make_input((), out_dims, dtype=dtype, seed=3).to(DEVICE)
    return x, a, b, bias, grad


def truth(x, a, b, bias, grad):
    wide = [t.double().requires_grad_() for t in (x, a, b, bias)]
    y = wide[0] @ kron_dense(wide[1:3]).t() + wide[3]
    return y.detach(), torch.autograd.grad(y, wide, grad.double())


def close(actual, expected):
    """Compare at unit scale, as gradients that sum over rows have a larger one."""
    assert actual.shape == expected.shape
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    assert_close(actual / scale, expected / scale)


def check(x, a, b, bias, grad):
    y, gradients = truth(x, a, b, bias, grad)
    with poisoned_memory():
        assert x.new_empty(3).isnan().all()
        actual = triton_launch.forward(x, a, b, bias)
        without_bias = triton_launch.forward(x, a, b)
        got = triton_launch.backward(grad, x, a, b, **ALL)
    close(actual, y)
    close(without_bias, y - bias.double())
    for value, wanted in zip(got, gradients, strict=True):
        assert value.dtype == x.dtype
        close(value, wanted)


@pytest.mark.parametrize(("in_dims", "out_dims", "rank", "dtype"), [*FLOAT32, *HALF])
def test_values_and_all_gradients(in_dims, out_dims, rank, dtype):
    check(*problem(in_dims, out_dims, rank, dtype, rows=5))


@pytest.mark.parametrize("rows", [0, 1, 40])
@pytest.mark.parametrize("rank", [1, 2])
def test_batch_sizes(rows, rank):
    check(*problem((3, 5), (5, 2), rank, torch.float32, rows))


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_many_rows_for_each_program(rank, dtype, monkeypatch):
    """On a GPU there would be a program for each of these rows."""
    monkeypatch.setattr(triton_launch, "_units", lambda _: 1)
    check(*problem((17, 3), (5, 20), rank, dtype, 300 if DEVICE == "cuda" else 70))


@pytest.mark.skipif(DEVICE == "cpu", reason="minutes in Triton's interpreter")
@pytest.mark.parametrize(
    ("dims", "dtype"),
    [((28, 28), torch.float32), *(((d, d), t) for d in (28, 64, 100) for t in HALVES)],
)
def test_large_batches(dims, dtype):
    check(*problem(dims, dims, 1, dtype, 9000))


@pytest.mark.parametrize("rank", [1, 2])
def test_any_strides(rank):
    x, a, b, bias, grad = problem((6, 5), (3, 4), rank, torch.float32, 7)
    wide = torch.randn(7, 64, device=DEVICE)
    layouts = {
        "far rows": wide[:, 1:31],
        "far columns": wide[:, 2:62:2],
        "columns first": wide[:, :30].t().contiguous().t(),
        "one row": wide[:1, :30].expand(7, 30),
    }
    for strided in layouts.values():
        check(strided, a, b, bias, grad)
    check(x, a.mT.contiguous().mT, b.mT.contiguous().mT, bias, grad)
    check(x, a, b, torch.randn(24, device=DEVICE)[::2], grad)
    check(x, a, b, bias, torch.ones((), device=DEVICE).expand(7, 12))


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("size", [3, 65])
def test_gradients_not_asked_for_are_left_out(rank, size):
    dtype = torch.float32 if size < 33 else torch.float16
    x, a, b, _, grad = problem((size, 2), (2, size), rank, dtype, 3)
    full = triton_launch.backward(grad, x, a, b, **ALL)
    for needs_x in (False, True):
        for needs_factors in (False, True):
            for needs_bias in (False, True):
                wanted = (needs_x, needs_factors, needs_factors, needs_bias)
                got = triton_launch.backward(
                    grad,
                    x,
                    a,
                    b,
                    needs_x=needs_x,
                    needs_factors=needs_factors,
                    needs_bias=needs_bias,
                )
                for value, asked, expected in zip(got, wanted, full, strict=True):
                    assert (value is not None) == asked
                    if asked:
                        close(value, expected.double())


def test_equal_calls_give_equal_bits():
    x, a, b, _, grad = problem((5, 7), (3, 6), 2, torch.float32, 50)
    once, again = (triton_launch.backward(grad, x, a, b, **ALL) for _ in range(2))
    for first, second in zip(once, again, strict=True):
        assert torch.equal(first, second)
