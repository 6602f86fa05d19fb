"""Every way of computing against the definition, in float64: values and all gradients."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from qimlp.functional import (
    balance,
    frobenius_norm,
    kron_bias,
    kron_dense,
    kron_linear,
    kron_matmul,
)
from qimlp.ops import native
from tests.problems import BATCHES, DIMS, LAYERS, RANKS, WAYS_HERE, make_factors, make_input
from tests.tolerances import assert_close

METHODS = ("auto", *WAYS_HERE)


def possible(method, in_dims):
    return len(in_dims) >= {"fused": 2, "two_gemm": 2, "chain": 3}.get(method, 1)


def cases():
    return [
        (method, *layer) for layer in LAYERS for method in METHODS if possible(method, layer[0])
    ]


def test_number_of_cases():
    fused = int("fused" in METHODS)  # auto and dense; two_gemm and fused from 2; chain from 3
    per_factors = {1: 2, 2: 3 + fused, 3: 4 + fused, 4: 4 + fused}
    assert len(cases()) == sum(len(DIMS[m]) * len(RANKS) * n for m, n in per_factors.items())


@pytest.mark.parametrize(("method", "in_dims", "out_dims", "rank"), cases())
def test_values_and_all_gradients(method, in_dims, out_dims, rank):
    for batch in BATCHES:
        factors = make_factors(in_dims, out_dims, rank, requires_grad=True)
        x = make_input(batch, in_dims).requires_grad_()
        weight = kron_dense(factors)
        bias = torch.randn(weight.shape[0], dtype=torch.float64, requires_grad=True)
        expected = x @ weight.t() + bias
        y = kron_linear(x, factors, bias, method=method)
        assert y.shape == expected.shape
        assert_close(y, expected)
        grad = torch.randn_like(expected)
        wanted = torch.autograd.grad(expected, [x, bias, *factors], grad)
        got = torch.autograd.grad(y, [x, bias, *factors], grad)
        for g, w in zip(got, wanted, strict=True):
            assert g.shape == w.shape
            assert_close(g, w)
        with torch.no_grad():
            assert_close(kron_linear(x, factors, bias, method=method), expected)
            assert_close(kron_matmul(x, factors, method=method), expected - bias)


@pytest.mark.parametrize(("method", "in_dims", "out_dims", "rank"), cases())
def test_kronecker_bias(method, in_dims, out_dims, rank):
    factors = make_factors(in_dims, out_dims, rank, requires_grad=True)
    vectors = [torch.randn(n, dtype=torch.float64, requires_grad=True) for n in out_dims]
    x = make_input((5,), in_dims)
    expected = x @ kron_dense(factors).t() + kron_bias(vectors)
    y = kron_linear(x, factors, vectors, method=method)
    assert_close(y, expected)
    grad = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [*vectors, *factors], grad)
    got = torch.autograd.grad(y, [*vectors, *factors], grad)
    for g, w in zip(got, wanted, strict=True):
        assert_close(g, w)
    with torch.no_grad():
        assert_close(kron_linear(x, factors, vectors, method=method), expected)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize(
    ("method", "dims"),
    [
        ("dense", ((2, 3), (3, 2))),
        ("two_gemm", ((2, 3), (3, 2))),
        ("two_gemm", ((3, 2), (1, 4))),
        ("two_gemm", ((2, 2, 2), (1, 3, 2))),
        ("chain", ((2, 2, 2), (1, 3, 2))),
    ],
)
def test_gradcheck_and_gradgradcheck(method, dims, rank):
    factors = make_factors(*dims, rank, requires_grad=True)
    x = make_input((3,), dims[0]).requires_grad_()
    bias = torch.randn(kron_dense(factors).shape[0], dtype=torch.float64, requires_grad=True)

    def function(x, bias, *factors):
        return kron_linear(x, factors, bias, method=method)

    assert torch.autograd.gradcheck(function, (x, bias, *factors))
    assert torch.autograd.gradgradcheck(function, (x, bias, *factors))
    vectors = [torch.randn(n, dtype=torch.float64, requires_grad=True) for n in dims[1]]

    def with_kronecker_bias(x, *tensors):
        return kron_linear(x, tensors[len(dims[1]) :], tensors[: len(dims[1])], method=method)

    assert torch.autograd.gradcheck(with_kronecker_bias, (x, *vectors, *factors))
    assert torch.autograd.gradgradcheck(with_kronecker_bias, (x, *vectors, *factors))


@pytest.mark.parametrize("wanted", ["x", "a", "b", "bias"])
@pytest.mark.parametrize("dims", [((3, 4), (5, 2)), ((4, 3), (2, 5))])
def test_one_gradient_alone(wanted, dims):
    tensors = dict(zip("ab", make_factors(*dims, 2), strict=True))
    tensors["x"] = make_input((6,), dims[0])
    tensors["bias"] = torch.randn(10, dtype=torch.float64)
    tensors[wanted].requires_grad_()
    y = kron_linear(tensors["x"], [tensors["a"], tensors["b"]], tensors["bias"], method="two_gemm")
    weight = kron_dense([tensors["a"], tensors["b"]])
    expected = tensors["x"] @ weight.t() + tensors["bias"]
    grad = torch.randn_like(y)
    (got,) = torch.autograd.grad(y, tensors[wanted], grad)
    (want,) = torch.autograd.grad(expected, tensors[wanted], grad)
    assert_close(got, want)


@pytest.mark.parametrize("method", METHODS)
def test_input_that_is_not_contiguous(method):
    factors = make_factors((2, 3, 4), (3, 2, 2), 2, requires_grad=True)
    weight = kron_dense(factors)
    base = make_input((5, 7), (2, 3, 4))
    for x in (
        base.transpose(0, 1),
        base[:, ::2],
        base.transpose(1, 2).contiguous().transpose(1, 2),
        base[:1].expand(5, 7, 24),
    ):
        assert not x.is_contiguous() or x.shape != base.shape
        assert_close(kron_matmul(x, factors, method=method), x @ weight.t())


@pytest.mark.parametrize("method", ["dense", "two_gemm", "chain"])
def test_an_expanded_gradient(method):
    factors = make_factors((2, 3, 4), (3, 2, 2), 2, requires_grad=True)
    x = make_input((5,), (2, 3, 4))
    got = torch.autograd.grad(kron_matmul(x, factors, method=method).sum(), factors)
    want = torch.autograd.grad((x @ kron_dense(factors).t()).sum(), factors)
    for g, w in zip(got, want, strict=True):
        assert_close(g, w)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", METHODS)
def test_other_dtypes(method, dtype):
    exact = make_factors((4, 3, 5), (5, 3, 2), 2)
    x = make_input((16,), (4, 3, 5))
    expected = x.to(dtype).double() @ kron_dense([f.to(dtype).double() for f in exact]).t()
    y = kron_matmul(x.to(dtype), [f.to(dtype) for f in exact], method=method)
    assert y.dtype == dtype
    assert_close(y, expected)


@pytest.mark.parametrize("bias", [False, True])
def test_float16_on_the_cpu_goes_through_the_kernel(bias, monkeypatch):
    """Torch's own products of float16 take many times as long as the kernel's of float32."""
    if not native.available():
        pytest.skip(native.reason())
    seen = []
    compute = native.linear
    monkeypatch.setattr(native, "linear", lambda x, *a: seen.append(x.dtype) or compute(x, *a))
    exact = [f.half() for f in make_factors((28, 28), (28, 28), 2)]
    leaves = [make_input((50,), (28, 28)).half(), *exact]
    leaves += [make_input((), (28, 28), seed=5).half()] if bias else []
    for leaf in leaves:
        leaf.requires_grad_()
    y = kron_linear(leaves[0], leaves[1:3], leaves[3] if bias else None)
    assert seen == [torch.float32]
    assert y.dtype == torch.float16
    wide = [leaf.detach().double().requires_grad_() for leaf in leaves]
    expected = wide[0] @ kron_dense(wide[1:3]).t() + (wide[3] if bias else 0)
    assert_close(y, expected)
    grad = torch.randn_like(y)
    wanted = torch.autograd.grad(expected, wide, grad.double())
    for got, want in zip(torch.autograd.grad(y, leaves, grad), wanted, strict=True):
        assert got.dtype == torch.float16
        scale = want.abs().max()
        assert_close(got / scale, want / scale)


@pytest.mark.parametrize("columns", [1, 2, 8, 9, 15, 16])
@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_few_columns_beside_a_long_factor(rows, rank, columns):
    """Blocks of few columns are turned; so are gradients larger than what they are made of."""
    for dims in ((70, columns), (columns, 70)):
        factors = make_factors(dims, dims[::-1], rank, requires_grad=True)
        x = make_input((rows,), dims).requires_grad_()
        y = kron_matmul(x, factors, method="two_gemm")
        expected = x @ kron_dense(factors).t()
        assert_close(y, expected)
        leaves = [x, *factors]
        grad = torch.randn_like(y)
        for got, want in zip(
            torch.autograd.grad(y, leaves, grad, retain_graph=True),
            torch.autograd.grad(expected, leaves, grad),
            strict=True,
        ):
            assert_close(got, want)


def test_autocast_casts_as_linear_does():
    factors = make_factors((4, 6), (6, 4), 2, dtype=torch.float32, requires_grad=True)
    x = make_input((16,), (4, 6), dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y = kron_matmul(x, factors)
        assert y.dtype == torch.nn.functional.linear(x, kron_dense(factors)).dtype == torch.bfloat16
    assert_close(y, x.double() @ kron_dense(factors).double().t())
    y.float().sum().backward()
    assert all(f.grad.dtype == torch.float32 for f in factors)
    with torch.autocast("cpu", torch.bfloat16):
        assert kron_matmul(x.double(), [f.double() for f in factors]).dtype == torch.float64


def test_inputs_stay_as_they_are():
    factors = make_factors((3, 4), (5, 2), 1)
    x, bias = make_input((4,), (3, 4)), torch.randn(10, dtype=torch.float64)
    before = [t.clone() for t in (x, bias, *factors)]
    kron_linear(x, factors, bias)
    assert all(torch.equal(a, b) for a, b in zip(before, (x, bias, *factors), strict=True))


def test_deterministic_algorithms_and_repeatability():
    factors = make_factors((8, 8), (8, 8), 2, dtype=torch.float32, requires_grad=True)
    x = make_input((64,), (8, 8), dtype=torch.float32)
    torch.use_deterministic_algorithms(True)
    try:
        for method in ("dense", "two_gemm"):
            runs = [
                torch.autograd.grad(kron_matmul(x, factors, method=method).square().sum(), factors)
                for _ in range(2)
            ]
            assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))
    finally:
        torch.use_deterministic_algorithms(False)


def test_factors_may_come_in_any_container():
    factors = make_factors((3, 4), (5, 2), 2)
    bias = [torch.randn(5, dtype=torch.float64), torch.randn(2, dtype=torch.float64)]
    x = make_input((3,), (3, 4))
    expected = kron_linear(x, factors, bias)
    held = torch.nn.ParameterList(factors), torch.nn.ParameterList(bias)
    assert_close(kron_linear(x, *held), expected)
    assert_close(kron_linear(x, (f for f in factors), (b for b in bias)), expected)
    assert_close(kron_bias(held[1]), kron_bias(bias))
    assert_close(frobenius_norm(f for f in factors), frobenius_norm(factors))
    for own, other in zip(balance(f for f in factors), balance(factors), strict=True):
        assert_close(own, other)


def test_the_definition_takes_strided_factors():
    factors = [f.transpose(1, 2) for f in make_factors((5, 2), (3, 4), 2)]
    whole = [f.contiguous() for f in factors]
    assert not factors[0].is_contiguous()
    assert_close(kron_dense(factors), kron_dense(whole))
    x = make_input((3,), (3, 4))
    assert_close(kron_matmul(x, factors), x @ kron_dense(whole).t())


def test_a_graph_may_be_traced_for_any_number_of_rows():
    factors = make_factors((3, 4), (5, 2), 2)
    x = make_input((6,), (3, 4))
    trace = make_fx(lambda rows, *own: kron_matmul(rows, own), tracing_mode="symbolic")
    graph = trace(x, *factors)
    assert_close(graph(x, *factors), kron_matmul(x, factors))
    more = make_input((9,), (3, 4), seed=3)
    assert_close(graph(more, *factors), kron_matmul(more, factors))
