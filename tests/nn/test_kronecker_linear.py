import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.utils._python_dispatch import TorchDispatchMode

from qimlp import KroneckerLinear
from qimlp.functional import factor_norms, kron_dense
from tests.tolerances import assert_close

FORMS = ["kronecker", "dense", True, False]


@pytest.mark.parametrize("bias", FORMS)
@pytest.mark.parametrize("rank", [1, 3])
def test_it_is_the_linear_layer_of_its_weight(bias, rank):
    layer = KroneckerLinear(12, 10, bias, in_dims=(3, 4), out_dims=(5, 2), rank=rank).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    assert_close(layer(x), nn.functional.linear(x, layer.weight_matrix(), layer.bias_vector()))
    linear = layer.to_linear()
    assert_close(linear(x), layer(x))
    assert (linear.bias is None) == (bias is False)


def test_names_of_the_parameters():
    names = [name for name, _ in KroneckerLinear(784, 784, num_factors=3).named_parameters()]
    assert names == [*(f"factor_{i}" for i in range(3)), *(f"bias_factor_{i}" for i in range(3))]
    assert [n for n, _ in KroneckerLinear(784, 784, True).named_parameters()] == [
        "bias",
        "factor_0",
        "factor_1",
    ]
    assert [n for n, _ in KroneckerLinear(784, 784, False).named_parameters()] == [
        "factor_0",
        "factor_1",
    ]


@pytest.mark.parametrize("bias", FORMS)
def test_counts(bias):
    layer = KroneckerLinear(784, 784, bias, rank=2)
    assert sum(p.numel() for p in layer.parameters()) == layer.shape.parameters(bias)


def test_repr_shows_dims_rank_parameters_and_compression():
    text = repr(KroneckerLinear(784, 784, rank=2))
    assert text == (
        "KroneckerLinear(in_features=784 (28x28), out_features=784 (28x28), rank=2, "
        "bias=kronecker, parameters=3,192 (193x fewer than nn.Linear))"
    )


def test_the_planner_chooses_and_warns_of_a_prime():
    assert KroneckerLinear(3072, 768, num_factors=3).num_factors == 3
    with pytest.warns(UserWarning, match="output width 127 is prime"):
        layer = KroneckerLinear(784, 127)
    assert "127 (127x1)" in repr(layer) or "127 (1x127)" in repr(layer)


def test_state_dict_deepcopy_and_dtype():
    layer = KroneckerLinear(12, 10, rank=2)
    other = KroneckerLinear(12, 10, rank=2)
    x = torch.randn(3, 12)
    assert not torch.equal(other(x), layer(x))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(x), layer(x))
    with torch.no_grad():
        twin.factors[0].zero_()
    assert layer(x).abs().sum() > 0
    assert layer.to(torch.bfloat16)(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("num_factors", [1, 2])
def test_from_linear_of_a_full_rank_is_the_same_map(bias, num_factors):
    linear = nn.Linear(12, 10, bias).double().eval()
    layer = KroneckerLinear.from_linear(linear, num_factors=num_factors, rank=10)
    x = torch.randn(5, 12, dtype=torch.float64)
    assert_close(layer(x), linear(x))
    assert (layer.bias is None) == (not bias)
    assert layer.bias_factors is None
    assert not layer.training
    before = layer(x)
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.zero_()
    assert torch.equal(layer(x), before)  # no shared storage


def test_to_linear_shares_no_storage():
    layer = KroneckerLinear(12, 10, True)
    linear = layer.to_linear()
    x = torch.randn(3, 12)
    before = linear(x)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    assert torch.equal(linear(x), before)


def test_balance_and_norm():
    layer = KroneckerLinear(12, 10, rank=2).double()
    with torch.no_grad():
        layer.factors[0].mul_(100)
    weight = layer.weight_matrix().detach()
    assert layer.balance_() is layer
    assert_close(layer.weight_matrix(), weight)
    norms = factor_norms(list(layer.factors)).detach()
    assert_close(norms[0], norms[1])
    assert_close(layer.frobenius_norm(), weight.norm())


def test_meta_device_and_reset():
    layer = KroneckerLinear(784, 784, device="meta", init="orthogonal")
    assert layer.factors[0].is_meta
    layer = layer.to_empty(device="cpu")
    layer.reset_parameters(torch.Generator().manual_seed(0))
    twin = KroneckerLinear(784, 784, init="orthogonal")
    twin.reset_parameters(torch.Generator().manual_seed(0))
    x = torch.randn(2, 784)
    assert torch.equal(layer(x), twin(x))
    with torch.no_grad():
        assert math.isclose(layer(torch.randn(512, 784)).square().mean(), 1.0, rel_tol=0.2)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((784, 10), {"in_dims": (28, 28)}, ValueError, "both in_dims and out_dims"),
        (
            (784, 10),
            {"in_dims": (28, 27), "out_dims": (2, 5)},
            ValueError,
            "multiply up to 784, got \\(28, 27\\), which make 756",
        ),
        ((784, 10), {"in_dims": (28, 28), "out_dims": (2, 6)}, ValueError, "multiply up to 10"),
        ((784, 10), {"in_dims": (28, 28), "out_dims": (2, 5, 1)}, ValueError, "as many in_dims"),
        ((784, 10), {"rank": 0}, ValueError, "rank: expected an integer of at least 1, got 0"),
        ((784, 10), {"num_factors": 0}, ValueError, "num_factors"),
        ((-784, 10), {}, ValueError, "in_features"),
        ((784.0, 10), {}, TypeError, "in_features"),
        ((784, 10, "other"), {}, ValueError, 'bias: expected "kronecker"'),
        ((784, 10), {"init": "zeros"}, ValueError, "init: expected one of"),
        ((784, 10), {"dtype": torch.complex64}, TypeError, "dtype: expected a floating-point"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message) as caught:
        KroneckerLinear(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_from_linear_of_something_else():
    with pytest.raises(TypeError, match="expected an nn.Linear, got Conv1d"):
        KroneckerLinear.from_linear(nn.Conv1d(1, 1, 1))


@pytest.mark.parametrize(
    ("form", "weight", "bias", "message"),
    [
        (False, (10, 12), (10,), "expected None for a layer without a bias, got a tensor"),
        (True, (10, 12), (9,), r"bias: expected shape \(10,\), got \(9,\)"),
        (True, (12, 10), (10,), r"weight: expected shape \(10, 12\)"),
    ],
)
def test_what_cannot_be_approximated_changes_nothing(form, weight, bias, message):
    layer = KroneckerLinear(12, 10, form)
    before = layer.weight_matrix()
    with pytest.raises(ValueError, match=message):
        layer.approximate_(torch.ones(weight), torch.ones(bias))
    assert torch.equal(layer.weight_matrix(), before)


def test_approximating_without_a_bias_makes_it_zero():
    for form in ("kronecker", "dense"):
        layer = KroneckerLinear(12, 10, form, rank=10)
        layer.approximate_(torch.ones(10, 12), torch.arange(10.0))
        assert layer.bias_vector().any()
        layer.approximate_(torch.ones(10, 12))
        assert not layer.bias_vector().any()
        assert_close(layer.weight_matrix(), torch.ones(10, 12))


def test_pruned_factors_are_masked_anew_in_every_step():
    layer = KroneckerLinear(64, 64, in_dims=(8, 8), out_dims=(8, 8), bias=False)
    prune.random_unstructured(layer, "factor_0", 0.5)
    mask = layer.get_buffer("factor_0_mask")
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    x = torch.randn(5, 64)
    for _ in range(2):
        optimizer.zero_grad()
        layer(x).square().mean().backward()
        optimizer.step()
    own = layer.get_parameter("factor_0_orig") * mask
    expected = x @ kron_dense([own, layer.factors[1]]).t()
    assert_close(layer(x), expected)
    assert int((own == 0).sum()) >= 32


@pytest.mark.parametrize("factors", [2, 3])
@pytest.mark.parametrize("weight", ["zero", "of one copy"])
def test_copies_that_a_weight_does_not_need_can_be_trained_still(factors, weight):
    dims = (4,) * factors
    size = 4**factors
    dense = torch.zeros(size, size) if weight == "zero" else torch.eye(size)
    layer = KroneckerLinear(size, size, in_dims=dims, out_dims=dims, rank=3)
    layer.approximate_(dense)
    torch.testing.assert_close(layer.weight_matrix(), dense, rtol=1e-5, atol=1e-5)
    layer(torch.randn(5, size)).square().sum().backward()
    x, target = torch.randn(50, size), torch.randn(50, size)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        (layer(x) - target).square().mean().backward()
        optimizer.step()
    assert all(bool(copy.any()) for factor in layer.factors for copy in factor)


def test_a_dense_weight_of_another_dtype_is_taken():
    layer = KroneckerLinear(12, 12, in_dims=(3, 4), out_dims=(3, 4), rank=9)
    weight = torch.randn(12, 12, dtype=torch.float64)
    layer.approximate_(weight, torch.randn(12, dtype=torch.float64))
    assert all(parameter.dtype == torch.float32 for parameter in layer.parameters())
    torch.testing.assert_close(layer.weight_matrix(), weight.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("frozen", ["weight", "bias", "both", "nothing"])
def test_what_is_frozen_stays_frozen_there_and_back(frozen):
    dense = nn.Linear(12, 10)
    dense.weight.requires_grad_(frozen not in ("weight", "both"))
    dense.bias.requires_grad_(frozen not in ("bias", "both"))
    layer = KroneckerLinear.from_linear(dense)
    assert {p.requires_grad for p in layer.factors} == {dense.weight.requires_grad}
    assert layer.bias.requires_grad == dense.bias.requires_grad
    back = layer.to_linear()
    assert back.weight.requires_grad == dense.weight.requires_grad
    assert back.bias.requires_grad == dense.bias.requires_grad


def compute_factor(layer, how, name):
    if how == "pruned":
        prune.l1_unstructured(layer, name, 0.5)
    else:
        parametrizations.weight_norm(layer, name)


@pytest.mark.parametrize("how", ["pruned", "normed"])
@pytest.mark.parametrize("bias", ["kronecker", "dense", False])
def test_what_computed_factors_are_made_of_learns_on(how, bias):
    layer = KroneckerLinear(24, 24, bias)
    for name in ("factor_0", "factor_1"):
        compute_factor(layer, how, name)
    assert all(p.requires_grad for p in layer.to_linear().parameters())
    assert not any(p.requires_grad for p in layer.requires_grad_(False).to_linear().parameters())


@pytest.mark.parametrize("how", ["pruned", "normed"])
def test_computed_factors_are_not_written_to(how):
    """What is written to a computed tensor is gone at the next call, or wrong in part."""
    layer = KroneckerLinear(24, 24)
    compute_factor(layer, how, "factor_0")
    before = layer.weight_matrix().detach().clone()
    line = r"^factor_0: expected a parameter, got a tensor that is computed from others .*remove"
    for change in (layer.balance_, lambda: layer.approximate_(before * 3)):
        with pytest.raises(ValueError, match=line):
            change()
    assert torch.equal(layer.weight_matrix(), before)


def test_the_weight_in_full_takes_no_room_for_each_copy():
    """It is the definition's, to rounding, by one product; its gradients are too."""
    layer = KroneckerLinear(12, 20, rank=5, dtype=torch.float64)
    want = kron_dense(list(layer.factors))
    got = layer.weight_matrix()
    assert_close(got, want)
    upstream = torch.randn_like(got)
    for one, other in zip(
        torch.autograd.grad(got, list(layer.factors), upstream),
        torch.autograd.grad(want, list(layer.factors), upstream),
        strict=True,
    ):
        assert_close(one, other)
    largest = []

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            largest.append(result.numel() if isinstance(result, torch.Tensor) else 0)
            return result

    with torch.no_grad(), Sizes():
        layer.weight_matrix()
    assert max(largest) == 12 * 20
