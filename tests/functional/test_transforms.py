"""torch.compile, torch.export, torch.func, forward mode, meta tensors."""

import pytest
import torch
from torch import nn

import qimlp
from qimlp.functional import kron_dense, kron_linear, kron_matmul
from tests.problems import COMPOSITE, WAYS_HERE, make_factors, make_input
from tests.tolerances import assert_close

DIMS = ((2, 3, 4), (3, 2, 2))


def problem(rank=2):
    return make_input((5,), DIMS[0]), make_factors(*DIMS, rank, requires_grad=True)


def plain(x, factors):
    return x @ kron_dense(factors).t()


@pytest.mark.parametrize("method", WAYS_HERE)
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_in_one_graph(method, dynamic):
    x, factors = problem()
    torch.compiler.reset()
    compiled = torch.compile(
        lambda x, *f: kron_matmul(x, f, method=method),
        fullgraph=True,
        backend="aot_eager",
        dynamic=dynamic,
    )
    for rows in (5, 7):
        x = make_input((rows,), DIMS[0]).requires_grad_()
        y, expected = compiled(x, *factors), plain(x, factors)
        assert_close(y, expected)
        grad = torch.randn_like(y)
        got = torch.autograd.grad(y, [x, *factors], grad)
        want = torch.autograd.grad(expected, [x, *factors], grad)
        for g, w in zip(got, want, strict=True):
            assert_close(g, w)


def test_compile_of_a_network_and_auto():
    torch.compiler.reset()
    net = qimlp.QiMLP([(4, 4), (4, 4), (2, 2)], rank=2).double()
    x = torch.randn(6, 16, dtype=torch.float64)
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    assert_close(compiled(x), net(x))
    with torch.no_grad():
        assert_close(compiled(x), net(x))


def test_export_with_a_dynamic_batch():
    net = qimlp.QiMLP([(4, 4), (4, 4), (2, 2)]).double().eval()
    x = torch.randn(6, 16, dtype=torch.float64)
    batch = torch.export.Dim("batch", min=2, max=512)
    program = torch.export.export(net, (x,), dynamic_shapes=({0: batch},))
    assert "qimlp" not in str(program.graph)  # it runs where only torch is installed
    for rows in (2, 6, 33):
        x = torch.randn(rows, 16, dtype=torch.float64)
        assert_close(program.module()(x), net(x))


@pytest.mark.parametrize("method", ["auto", *COMPOSITE])
def test_vmap_over_input_factors_and_bias(method):
    factors = [torch.stack([f, 2 * f]) for f in make_factors(*DIMS, 2)]
    x, bias = make_input((2, 5), DIMS[0]), torch.randn(2, 12, dtype=torch.float64)

    def function(x, bias, *factors):
        return kron_linear(x, factors, bias, method=method)

    y = torch.func.vmap(function)(x, bias, *factors)
    each = [function(x[i], bias[i], *(f[i] for f in factors)) for i in range(2)]
    assert_close(y, torch.stack(each))
    shared = [f[0] for f in factors]
    y = torch.func.vmap(function, in_dims=(None, 0, *[None] * 3))(x[0], bias, *shared)
    assert_close(y, torch.stack([function(x[0], b, *shared) for b in bias]))


@pytest.mark.parametrize("method", ["auto", *COMPOSITE])
def test_func_grad_per_sample(method):
    x, factors = problem()
    factors = [f.detach() for f in factors]

    def loss(factors, sample):
        return kron_matmul(sample, factors, method=method).square().sum()

    def dense_loss(factors, sample):
        return plain(sample, factors).square().sum()

    got = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(factors, x)
    want = [torch.func.grad(dense_loss)(factors, sample) for sample in x]
    for i, g in enumerate(got):
        assert_close(g, torch.stack([w[i] for w in want]))


@pytest.mark.parametrize("method", ["auto", *COMPOSITE])
def test_jvp_and_hessian(method):
    x, factors = problem()
    factors = [f.detach() for f in factors]
    tangents = [torch.randn_like(f) for f in factors]

    def function(*factors):
        return kron_matmul(x, factors, method=method)

    _, got = torch.func.jvp(function, tuple(factors), tuple(tangents))
    _, want = torch.func.jvp(lambda *f: plain(x, f), tuple(factors), tuple(tangents))
    assert_close(got, want)

    def loss(first):
        return kron_matmul(x, [first, *factors[1:]], method=method).tanh().sum()

    def dense_loss(first):
        return plain(x, [first, *factors[1:]]).tanh().sum()

    assert_close(torch.func.hessian(loss)(factors[0]), torch.func.hessian(dense_loss)(factors[0]))


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (3,), (0, 1, 2, 3)])
def test_forward_mode_of_tensors_that_need_gradients(which):
    dims = ((3, 4), (5, 2))
    tensors = [
        make_input((4,), dims[0]),
        torch.randn(10, dtype=torch.float64),
        *make_factors(*dims, 2),
    ]
    tensors = [t.requires_grad_() for t in tensors]
    tangents = [torch.randn_like(t) for t in tensors]

    def run(function):
        with torch.autograd.forward_ad.dual_level():
            duals = [
                torch.autograd.forward_ad.make_dual(t, d) if i in which else t
                for i, (t, d) in enumerate(zip(tensors, tangents, strict=True))
            ]
            return torch.autograd.forward_ad.unpack_dual(function(*duals)).tangent

    got = run(lambda x, bias, a, b: kron_linear(x, [a, b], bias, method="two_gemm"))
    want = run(lambda x, bias, a, b: plain(x, [a, b]) + bias)
    assert_close(got, want)


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
def test_forward_mode_of_a_kronecker_bias(which):
    factors = make_factors((3, 4), (5, 2), 2, requires_grad=True)
    x = make_input((4,), (3, 4))
    vectors = [torch.randn(n, dtype=torch.float64, requires_grad=True) for n in (5, 2)]
    tangents = [torch.randn_like(v) for v in vectors]
    with torch.autograd.forward_ad.dual_level():
        duals = [
            torch.autograd.forward_ad.make_dual(v, d) if i in which else v
            for i, (v, d) in enumerate(zip(vectors, tangents, strict=True))
        ]
        y = kron_linear(x, factors, duals, method="two_gemm")
        got = torch.autograd.forward_ad.unpack_dual(y).tangent
    u, v = vectors
    want = sum(torch.kron(tangents[0], v) if i == 0 else torch.kron(u, tangents[1]) for i in which)
    assert_close(got, want.expand(4, 10))


@pytest.mark.parametrize("method", ["auto", *COMPOSITE])
def test_meta_device(method):
    factors = [f.to("meta") for f in make_factors(*DIMS, 2)]
    y = kron_matmul(torch.empty(7, 24, device="meta"), [f.float() for f in factors], method=method)
    assert y.shape == (7, 12)
    assert y.device.type == "meta"


def test_functional_call_and_ensembles():
    nets = [qimlp.QiMLP([(2, 3), (3, 2), (1, 2)]).double() for _ in range(3)]
    params, buffers = torch.func.stack_module_state(nets)
    x = torch.randn(4, 6, dtype=torch.float64)

    def call(params, buffers, x):
        return torch.func.functional_call(nets[0], (params, buffers), (x,))

    y = torch.func.vmap(call, in_dims=(0, 0, None))(params, buffers, x)
    assert_close(y, torch.stack([net(x) for net in nets]))


def test_the_plain_operations_are_taken_where_torch_does_not_say(monkeypatch):
    from qimlp.ops import tracing

    monkeypatch.setattr(tracing, "transforms_are_active", lambda: True)
    assert not tracing.is_plain_call()
    x, factors = problem()
    assert isinstance(nn.Parameter(x), torch.Tensor)
    assert_close(kron_matmul(x, factors, method="two_gemm"), plain(x, factors))
