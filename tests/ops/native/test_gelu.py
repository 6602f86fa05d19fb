"""GELU within the kernel, and what a forward pass keeps for its way back."""

import platform

import pytest
import torch
from torch.func import grad, jvp, vmap
from torch.nn.functional import gelu
from torch.utils.checkpoint import checkpoint

from qimlp.ops import native
from qimlp.ops.definition import kron_bias, kron_dense
from tests.ops.native_here import instructions, kernel, poisoned_results  # noqa: F401
from tests.problems import make_factors, make_input
from tests.tolerances import assert_close

# Forward-mode differentiation imports torch's TorchScript decompositions.
QUIET = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
SMALL = ((3, 4), (2, 5), 2, 3)
#: in_dims, out_dims, rank, batch, groups
CASES = (
    ((28, 28), (28, 28), 1, 50, (1, 1)),
    ((28, 28), (28, 28), 4, 9, (1, 1)),  # copies side by side in the state
    ((24, 32), (17, 5), 3, 7, (1, 1)),  # the column step comes first
    ((5, 7), (63, 65), 2, 4, (1, 1)),
    ((4, 4, 7), (4, 4, 7), 1, 67, (1, 1, 1)),  # samples side by side
    ((2, 3, 4), (3, 4, 5), 2, 6, (2, 1)),
    ((3, 4), (5, 2), 2, 7, (2,)),
    ((3, 4), (5, 2), 1, 0, (1, 1)),
)


def arguments(ins, outs, rank, batch, dtype=torch.float64, parts=1):
    factors = [f.to(dtype) for f in make_factors(ins, outs, rank)]
    sizes = outs if parts > 1 else (torch.Size(outs).numel(),)
    vectors = [torch.linspace(-1, 1 + i, n, dtype=dtype) for i, n in enumerate(sizes)]
    x = make_input((batch,), ins).to(dtype)
    return [t.detach().requires_grad_() for t in (x, *factors, *vectors)]


def split(tensors, count=2):
    return tensors[0], tensors[1 : 1 + count], tensors[1 + count :]


def apply(*tensors, groups=(1, 1)):
    return native.linear(*split(tensors, sum(groups)), groups, gelu=True)


def reference(*tensors, count=2):
    x, factors, vectors = split(tensors, count)
    bias = kron_bias(vectors) if len(vectors) > 1 else vectors[0]
    return gelu(torch.nn.functional.linear(x, kron_dense(factors), bias))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_value_and_gradients(case, dtype):
    *sizes, groups = case
    given, exact = arguments(*sizes, dtype), arguments(*sizes)
    y, expected = apply(*given, groups=groups), reference(*exact, count=len(sizes[0]))
    upstream = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    upstream = upstream / max(expected.numel(), 1) ** 0.5  # sums of unit scale
    assert_close(y.detach(), expected.detach())
    grads = torch.autograd.grad(y, given, upstream.to(dtype))
    for got, true in zip(grads, torch.autograd.grad(expected, exact, upstream), strict=True):
        assert_close(got, true)
    with torch.no_grad():
        assert torch.equal(apply(*given, groups=groups), y)


@pytest.mark.usefixtures("instructions", "poisoned_results")
def test_bfloat16():
    sizes = ((28, 28), (28, 28), 2, 9)
    given = arguments(*sizes, torch.bfloat16)
    exact = [t.detach().double().requires_grad_() for t in given]
    y, expected = apply(*given), reference(*exact)
    upstream = torch.linspace(-1, 1, y.numel()).view_as(y).bfloat16()
    grads = torch.autograd.grad(y, given, upstream)
    true = torch.autograd.grad(expected, exact, upstream.double())
    for got, wanted in zip((y, *grads), (expected, *true), strict=True):
        assert (got.double() - wanted).norm() <= 2**-7 * wanted.norm()


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 4e-7), (torch.float64, 1e-15)])
@pytest.mark.usefixtures("instructions")
def test_gelu_keeps_its_relative_precision_in_the_tails(dtype, most):
    z = torch.linspace(-12, 12, 4001, dtype=torch.float64).to(dtype)
    ones = [torch.ones(1, 1, 1, dtype=dtype)] * 2
    x = z[:, None].clone().requires_grad_()
    y = native.linear(x, ones, (), [1, 1], gelu=True)
    (slope,) = torch.autograd.grad(y.sum(), x)
    exact = z.double()
    tail = torch.special.erfc(-exact / 2**0.5) / 2
    density = (-exact.square() / 2).exp() / (2 * torch.pi) ** 0.5
    # Rounding a^2 / 2 alone moves exp(-a^2 / 2) by a^2 / 2 roundings.
    allowed = most * (1 + exact.square() / 2)
    assert ((y[:, 0].double() - exact * tail).abs() <= allowed * (exact * tail).abs()).all()
    assert ((slope[:, 0].double() - tail - exact * density).abs() <= allowed).all()


@pytest.mark.usefixtures("instructions")
def test_gelu_of_what_is_not_finite():
    x = torch.tensor([[torch.nan], [torch.inf], [-torch.inf], [-1e30], [0.0]], requires_grad=True)
    y = native.linear(x, [torch.ones(1, 1, 1)] * 2, (), [1, 1], gelu=True)
    (slope,) = torch.autograd.grad(y.sum(), x)
    expected = torch.tensor([[torch.nan], [torch.inf], [0.0], [0.0], [0.0]])
    torch.testing.assert_close(y, expected, equal_nan=True)
    expected = torch.tensor([[torch.nan], [1.0], [0.0], [0.0], [0.5]])
    torch.testing.assert_close(slope, expected, equal_nan=True)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.usefixtures("kernel")
def test_every_subset_of_gradients(parts):
    leaves = arguments(*SMALL, parts=parts)
    expected = torch.autograd.grad(reference(*leaves).square().sum(), leaves)
    for wanted in range(1, 2 ** len(leaves)):
        tensors = [t.detach().requires_grad_(bool(wanted >> i & 1)) for i, t in enumerate(leaves)]
        apply(*tensors).square().sum().backward()
        for tensor, true in zip(tensors, expected, strict=True):
            assert (tensor.grad is None) == (not tensor.requires_grad)
            if tensor.grad is not None:
                assert_close(tensor.grad, true)


@QUIET
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.usefixtures("kernel")
def test_derivatives_of_first_and_second_order(parts):
    inputs = arguments(*SMALL, parts=parts)
    assert torch.autograd.gradcheck(apply, inputs, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(apply, inputs)


@QUIET
@pytest.mark.usefixtures("kernel")
def test_transforms_of_torch_func():
    inputs = [t.detach() for t in arguments(*SMALL, parts=2)]
    stacked = [torch.stack([t, 2 * t, t - 1]) for t in inputs]
    assert_close(vmap(apply)(*stacked), vmap(reference)(*stacked))
    tangents = tuple(torch.ones_like(t) for t in inputs)
    assert_close(jvp(apply, tuple(inputs), tangents)[1], jvp(reference, tuple(inputs), tangents)[1])
    for argument in range(5):
        got = grad(lambda *t: apply(*t).sin().sum(), argnums=argument)(*inputs)
        assert_close(got, grad(lambda *t: reference(*t).sin().sum(), argnums=argument)(*inputs))


@pytest.mark.usefixtures("kernel")
def test_opcheck():
    operators = torch.ops.qimlp
    x, factors, vectors = split(arguments(*SMALL))
    torch.library.opcheck(operators.kron_layer_gelu.default, (x, factors, vectors, [1, 1]))
    plain = [[t.detach() for t in ts] for ts in (factors, vectors)]
    kept = (x.detach(), *plain, [1, 1], True, True)
    torch.library.opcheck(operators.kron_layer_kept.default, kept)
    _, slope, _ = operators.kron_layer_kept(*kept)
    upstream = make_input((3,), SMALL[1]).requires_grad_()
    none = torch.empty(0, dtype=torch.float64)
    torch.library.opcheck(
        operators.kron_layer_backward.default,
        (upstream, slope.requires_grad_(), none, x, factors, [1, 1], True, True, True),
    )


@pytest.mark.usefixtures("kernel")
def test_a_small_state_is_kept_and_a_large_one_is_not():
    def kept_bytes(batch):
        kept = []

        def pack(tensor):
            kept.append(tensor.numel() * tensor.element_size())
            return tensor

        x, factors, vectors = split(arguments((28, 28), (28, 28), 1, batch, torch.float32))
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            native.linear(x, factors, vectors, [1, 1])
        return sum(kept) - sum(t.numel() * 4 for t in (x, *factors))

    assert 0 < kept_bytes(50) <= 1 << 20
    assert kept_bytes(1024) == 0


@pytest.mark.usefixtures("kernel")
def test_a_state_of_other_instructions_is_refused():
    """In pairs a state of bfloat16 rows is bfloat16; widened it is float32."""
    if torch.ops.qimlp.kernel_instructions() not in ("avx512_bf16", "amx"):
        pytest.skip("this machine takes bfloat16 one way only")
    x, factors, vectors = split(arguments((28, 28), (28, 28), 1, 50, torch.bfloat16))
    y = native.linear(x, factors, vectors, [1, 1])
    torch.ops.qimlp.kernel_debug("avx512", True)
    with pytest.raises(ValueError, match="expected a state of .* elements of Float"):
        y.sum().backward()


@pytest.mark.usefixtures("kernel")
def test_checkpointing():
    inputs = arguments(*SMALL)
    y = checkpoint(apply, *inputs, use_reentrant=False)
    for got, true in zip(
        torch.autograd.grad(y.sum(), inputs),
        torch.autograd.grad(reference(*inputs).sum(), inputs),
        strict=True,
    ):
        assert_close(got, true)


@pytest.mark.usefixtures("kernel")
def test_refusals():
    x, factors, _ = split([t.detach() for t in arguments(*SMALL)])
    upstream, none = torch.zeros(3, 10).double(), torch.empty(0)
    for slope, state, message in (
        (torch.zeros(2, 10).double(), none, r"expected slope of shape \[3, 10\]"),
        (none, torch.zeros(7).double(), r"expected a state of \d+ elements"),
    ):
        with pytest.raises(ValueError, match=message):
            torch.ops.qimlp.kron_layer_backward(
                upstream, slope, state, x, factors, [1, 1], True, True, True
            )


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="a matter of x86 processors"
)
@pytest.mark.usefixtures("instructions")
def test_what_training_has_long_settled_leaves_no_slow_numbers():
    # Slopes far out, about 1e-30, times small gradients: below the smallest normal number.
    given = arguments((4, 4), (4, 4), 1, 8, torch.float32)
    with torch.no_grad():
        for factor in given[1:3]:
            factor.copy_(torch.eye(4))
        given[0].fill_(-12.0)
        given[3].zero_()
    y = apply(*given)
    for got in torch.autograd.grad(y, given, torch.full_like(y, 1e-8)):
        tiny = (got != 0) & (got.abs() < torch.finfo(torch.float32).tiny)
        assert not tiny.any()
    assert torch.tensor(1e-39).item() != 0  # the caller's own numbers are as they were
