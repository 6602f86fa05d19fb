"""The quick way to the kernel: taken where it may be, and never seen where it may not."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from qimlp import KroneckerLinear
from qimlp.ops.call import fast_path as quick
from tests.ops.native_here import kernel  # noqa: F401
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("kernel")


def make_layer(bias="kronecker", num_factors=2):
    layer = KroneckerLinear(784, 784, bias, num_factors=num_factors)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


def call(layer, x):
    vectors = list(layer.bias_factors or [])
    return quick.quick_linear(x, list(layer.factors), vectors, layer.shape)


def linear(layer, x):
    return nn.functional.linear(x, layer.weight_matrix(), layer.bias_vector())


def test_it_is_taken_by_an_ordinary_call():
    layer, x = make_layer(), torch.randn(50, 784)
    assert torch.equal(call(layer, x), layer(x))
    assert call(layer, x.requires_grad_()).requires_grad
    assert call(layer, nn.Parameter(x.detach())) is not None
    with torch.no_grad():
        assert not call(layer, x).requires_grad


@pytest.mark.parametrize("leading", [(), (1,), (2, 25), (5, 2, 5), (0, 3), (3, 0)])
def test_any_leading_axes(leading):
    layer = make_layer()
    x = torch.randn(*leading, 784, requires_grad=True)
    y = call(layer, x)
    assert y.shape == x.shape
    exact = copy.deepcopy(layer).double()
    assert_close(y / 784, linear(exact, x.double()) / 784)
    y.sum().backward()
    assert x.grad.shape == x.shape
    turned = torch.randn(784, *leading).movedim(0, -1)
    assert_close(call(layer, turned) / 784, linear(exact, turned.double()) / 784)


def test_it_leaves_the_rest_to_the_checks():
    class Mine(torch.Tensor):
        pass

    layer, x = make_layer(), torch.randn(50, 784)
    odd = (x[:, 1:], x.int(), x.half(), x.double(), x.to("meta"), x.as_subclass(Mine))
    for other in (
        *odd,
        x[None, :, 1:],
        x[0, 0],
        x.to_sparse()[None],
        torch.nested.nested_tensor([x], layout=torch.jagged),
    ):
        assert call(layer, other) is None
    assert call(copy.deepcopy(layer).to("meta"), x) is None
    seen = []
    torch.func.vmap(lambda row: seen.append(call(layer, row[None])) or row)(x)
    assert seen == [None]


def test_autocast_casts_first():
    layer, x = make_layer(), torch.randn(50, 784)
    narrow = copy.deepcopy(layer).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = call(layer, x)
        assert torch.equal(y, layer(x))
        assert call(layer, x.int()) is None
        assert call(layer.double(), x.double()).dtype == torch.float64
    assert torch.equal(y, narrow(x.bfloat16()))


@pytest.mark.parametrize("quickest", [True, False])
def test_the_chooser_decides_with_and_without_gradients(monkeypatch, quickest):
    layer, x = make_layer(), torch.randn(50, 784)
    found = quick.choices(layer.shape.sizes, x.shape, x.dtype)
    assert found.kernel == found.kernel_recorded == (1, 1)
    answer = ((1, 1), None) if quickest else (None, (1, 1))
    monkeypatch.setattr(quick, "choices", lambda *_: (*answer, *found[2:]))
    with torch.no_grad():
        assert (call(layer, x) is not None) == quickest
    assert (call(layer, x) is None) == quickest
    layer.requires_grad_(False)
    assert (call(layer, x) is not None) == quickest
    layer.bias_factors[1].requires_grad_()
    assert (call(layer, x) is None) == quickest


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda x: x.double(), TypeError, "x: expected dtype torch.float32 as factors"),
        (lambda x: x[:, 1:], ValueError, "x: expected last size 784"),
        (lambda x: x.long(), TypeError, "x: expected a floating-point dtype"),
        (lambda x: x.to("meta"), TypeError, "x: expected device cpu as factors"),
        (lambda x: x.tolist(), TypeError, "x: expected a tensor, got list"),
    ],
)
def test_the_users_mistakes_are_told_as_ever_after_a_good_call(spoil, error, message):
    layer, x = make_layer(), torch.randn(50, 784)
    layer(x)
    with pytest.raises(error, match=message):
        layer(spoil(x))


def test_a_bias_of_another_kind_is_told():
    layer, x = make_layer(), torch.randn(50, 784)
    for vector in layer.bias_factors:
        vector.data = vector.data.double()
    with pytest.raises(TypeError, match="bias: expected dtype torch.float32 as factors"):
        layer(x)
    for i, vector in enumerate(layer.bias_factors):
        moved = nn.Parameter(vector.to("meta", torch.float32))
        setattr(layer, f"bias_factor_{i}", moved)
    with pytest.raises(TypeError, match="bias: expected device cpu as factors"):
        layer(x)


class Doubled(nn.Module):
    def forward(self, tensor):
        return 2 * tensor


@pytest.mark.parametrize("num_factors", [1, 2, 3])
@pytest.mark.parametrize("which", [0, -1])
def test_pruned_and_parametrized_factors(num_factors, which):
    for bias in ("kronecker", True):
        layer, x = make_layer(bias, num_factors).double(), torch.randn(5, 784).double()
        before = layer(x)
        prune.random_unstructured(layer, f"factor_{which % num_factors}", 0.5)
        assert not torch.equal(layer(x), before)
        assert_close(layer(x), linear(layer, x))
    layer = make_layer(False, num_factors).double()
    expected = 2 * layer(x)
    parametrize.register_parametrization(layer, f"factor_{which % num_factors}", Doubled())
    assert_close(layer(x), expected)


def test_a_bias_that_is_replaced_pruned_or_taken_away():
    layer, x = make_layer(True).double(), torch.randn(5, 784).double()
    prune.random_unstructured(layer, "bias", 0.5)
    assert_close(layer(x), linear(layer, x))
    layer = make_layer(True).double()
    layer.bias = None
    assert_close(layer(x), x @ layer.weight_matrix().T)
    layer = make_layer().double()
    layer.bias_factors = None
    assert_close(layer(x), x @ layer.weight_matrix().T)
