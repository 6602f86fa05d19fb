"""The convolution against `nn.Conv2d` with the kernel built in full."""

import copy
from unittest.mock import patch

import pytest
import torch
from torch import nn

from qimlp import functional
from qimlp.nn import KroneckerConv2d
from tests.tolerances import assert_close

#: Dims of a kernel with 4 channels of 3 x 3 in and 6 channels out, and how to compute it.
LAYOUTS = [
    ((1, 36), (6, 1), 2, "two"),  # low rank
    ((2, 18), (6, 1), 2, "two"),  # low rank for each half of the input
    ((4, 9), (2, 3), 1, "two"),
    ((2, 18), (3, 2), 2, "two"),
    ((2, 18), (3, 2), 2, "rows"),
    ((2, 18), (3, 2), 2, "dense"),
    ((6, 6), (3, 2), 2, "rows"),  # the first factor parts a channel
    ((2, 2, 9), (3, 1, 2), 2, "rows"),
    ((36,), (6,), 1, "rows"),
]
every_layout = pytest.mark.parametrize(("in_dims", "out_dims", "rank", "path"), LAYOUTS)
every_bias = pytest.mark.parametrize("bias", ["dense", "kronecker", False])


def drawn(*sizes, path=None, **how):
    """A layer in float64 with a bias that is not zero, computed in a given way."""
    layer = KroneckerConv2d(*sizes, **{"dtype": torch.float64} | how)
    layer._path = path or layer._path
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if "bias" in name:
                parameter.normal_()
    return layer


def dense(layer, x, **how):
    """What `nn.Conv2d` computes with the kernel built by its definition."""
    kernel = functional.kron_dense(layer.factors).reshape(layer.kernel_shape)
    conv = nn.Conv2d(*kernel.shape[1::-1], kernel.shape[2:], bias=False, dtype=x.dtype, **how)
    y = torch.func.functional_call(conv, {"weight": kernel}, (x,))
    bias = layer.bias_vector()
    return y if bias is None else y + bias.view(-1, 1, 1)


@every_bias
@every_layout
def test_it_computes_the_dense_convolution(in_dims, out_dims, rank, path, bias):
    layer = drawn(4, 6, 3, bias=bias, in_dims=in_dims, out_dims=out_dims, rank=rank, path=path)
    x = torch.randn(3, 4, 7, 6, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    expected = dense(layer, x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(layer(x[0]), expected[0])
    torch.testing.assert_close(layer(x[:0]), expected[:0])
    torch.testing.assert_close(layer.to_conv2d()(x), expected)
    wanted = [x, *layer.parameters()]
    gradient = torch.randn_like(y)
    ours = torch.autograd.grad(y, wanted, gradient)
    theirs = torch.autograd.grad(expected, wanted, gradient)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # torch's own
@pytest.mark.parametrize(
    "how",
    [
        {"stride": 2},
        {"stride": (2, 3), "padding": (1, 2)},
        {"dilation": (2, 1), "padding": 1},
        {"padding": "same"},
        {"padding": "valid"},
        {"padding": 1, "padding_mode": "reflect"},
        {"padding": (1, 2), "padding_mode": "replicate", "stride": 2},
        {"padding": "same", "padding_mode": "circular", "dilation": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 3), (1, 1)])
def test_padding_stride_and_dilation(how, kernel):
    ins = 4 * kernel[0] * kernel[1]
    for in_dims, out_dims, path in [
        ((1, ins), (6, 1), "two"),
        ((2, ins // 2), (3, 2), "two"),
        ((2, ins // 2), (3, 2), "dense"),
        ((ins // 2, 2), (2, 3), "rows"),
    ]:
        layer = drawn(4, 6, kernel, **how, in_dims=in_dims, out_dims=out_dims, path=path)
        x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
        torch.testing.assert_close(layer(x), dense(layer, x, **how))


@pytest.mark.parametrize("recorded", [True, False])
def test_few_images_at_a_time_are_laid_out(recorded):
    layer = drawn(4, 6, 3, in_dims=(6, 6), out_dims=(3, 2), path="rows")
    x = torch.randn(5, 4, 8, 8, dtype=torch.float64, requires_grad=recorded)
    expected = dense(layer, x)
    sizes = []
    unfold = nn.functional.unfold

    def counted(part, *arguments):
        sizes.append(len(part))
        return unfold(part, *arguments)

    rows = layer._window.parts
    with (
        patch("torch.nn.functional.unfold", counted),
        patch.object(type(layer._window), "parts", lambda _, x: rows(x, most=2 * 36 * 36)),
        torch.set_grad_enabled(recorded),
    ):
        y = layer(x)
        assert sizes == [2, 2, 1]
        torch.testing.assert_close(y, expected)
        if recorded:
            ours = torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])
            assert sizes == [2, 2, 1, 1, 2, 2]  # laid out again, not kept
    if recorded:
        theirs = torch.autograd.grad(expected.square().sum(), [x, *layer.parameters()])
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("in_dims", "out_dims", "rank", "kernel", "path"),
    [
        ((1, 1152), (128, 1), 29, 3, "two"),
        ((2, 576), (128, 1), 45, 3, "two"),
        ((1, 1152), (128, 1), 120, 3, "dense"),
        ((32, 36), (16, 8), 5, 3, "dense"),  # fewer multiply-adds, but slower
        ((9, 8, 16), (4, 4, 8), 8, 3, "dense"),
        ((48, 24), (32, 16), 1, 3, "rows"),
        ((1, 128), (128, 1), 8, 1, "two"),
        ((8, 16), (16, 8), 2, 1, "dense"),
        ((16, 8), (64, 32), 2, 1, "rows"),
    ],
)
def test_the_cheapest_way_is_taken(in_dims, out_dims, rank, kernel, path):
    sizes = 128, out_dims[0] * out_dims[1] * (out_dims[2] if len(out_dims) > 2 else 1), kernel
    layer = KroneckerConv2d(*sizes, in_dims=in_dims, out_dims=out_dims, rank=rank, device="meta")
    assert layer._path == path


def test_a_low_rank_layer_lays_nothing_out():
    layer = drawn(64, 32, 3, in_dims=(1, 576), out_dims=(32, 1), rank=2)
    x = torch.randn(2, 64, 8, 8, dtype=torch.float64)
    with (
        patch("torch.nn.functional.unfold", side_effect=AssertionError),
        patch.object(KroneckerConv2d, "weight_matrix", side_effect=AssertionError),
    ):
        y = layer(x)
    torch.testing.assert_close(y, dense(layer, x))


@every_layout
def test_autocast(in_dims, out_dims, rank, path):
    how = {"in_dims": in_dims, "out_dims": out_dims, "rank": rank, "path": path}
    layer = drawn(4, 6, 3, **how, dtype=torch.float32)
    x = torch.randn(3, 4, 7, 6)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    assert_close(y, layer(x).detach())


@every_layout
def test_it_compiles_whole(in_dims, out_dims, rank, path):
    layer = drawn(4, 6, 3, in_dims=in_dims, out_dims=out_dims, rank=rank, path=path)
    x = torch.randn(3, 4, 7, 6, dtype=torch.float64)
    torch.compiler.reset()  # else the layers before count against a limit
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


@every_layout
def test_it_is_exported_for_any_number_of_images(in_dims, out_dims, rank, path):
    layer = drawn(4, 6, 3, in_dims=in_dims, out_dims=out_dims, rank=rank, path=path).eval()
    x = torch.randn(3, 4, 7, 6, dtype=torch.float64)
    images = {"x": {0: torch.export.Dim("images", min=1)}}
    program = torch.export.export(layer, (x,), dynamic_shapes=images)
    more = torch.randn(5, 4, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(program.module()(more), layer(more))


def test_a_copy_is_independent():
    layer = drawn(4, 6, 3, in_dims=(2, 18), out_dims=(3, 2))
    x = torch.randn(2, 4, 7, 6, dtype=torch.float64)
    before = layer(x)
    other = copy.deepcopy(layer)
    with torch.no_grad():
        other.factor_0.zero_()
    torch.testing.assert_close(layer(x), before, rtol=0, atol=0)
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other(x), before, rtol=0, atol=0)


@pytest.mark.parametrize("bias", [True, False])
def test_from_and_to_a_dense_convolution(bias):
    conv = nn.Conv2d(4, 6, 3, 2, 1, bias=bias, padding_mode="reflect", dtype=torch.float64).eval()
    conv.weight.requires_grad_(False)
    layer = KroneckerConv2d.from_conv2d(conv, in_dims=(4, 9), out_dims=(2, 3), rank=8)
    assert not layer.training
    assert not any(factor.requires_grad for factor in layer.factors)
    x = torch.randn(2, 4, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(layer(x), conv(x))  # every rank there is
    torch.testing.assert_close(layer.weight, conv.weight)
    back = layer.to_conv2d()
    torch.testing.assert_close(back(x), conv(x))
    assert back.stride == conv.stride
    assert not back.training
    assert not back.weight.requires_grad
    if bias:
        assert layer.bias.requires_grad
        assert back.bias.requires_grad
        assert layer.bias.data_ptr() != conv.bias.data_ptr() != back.bias.data_ptr()


def test_the_planner_chooses_dims():
    layer = KroneckerConv2d(8, 16, 3)
    assert layer.shape.in_features == 72
    assert layer.shape.out_features == 16
    assert "KroneckerConv2d" in repr(layer)
    y = layer(torch.randn(64, 8, 10, 10))
    assert 0.5 < y.std() < 2  # as drawn it keeps the scale of its input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: drawn(4, 6, 3, in_dims=(2, 17), out_dims=(3, 2)), "multiply up to 36"),
        (lambda: drawn(4, 6, 3)(torch.zeros(2, 5, 7, 7)), r"x: expected shape \(N, 4, H, W\)"),
        (lambda: drawn(4, 6, 3)(torch.zeros(4)), "x: expected shape"),
        (lambda: KroneckerConv2d.from_conv2d(nn.Conv2d(4, 4, 3, groups=2)), "one group, got 2"),
        (lambda: setattr(drawn(4, 6, 3), "weight", torch.zeros(6, 4, 3, 3)), "weight: it is comp"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises((ValueError, AttributeError), match=message):
        call()
    with pytest.raises(TypeError, match="conv: expected an nn.Conv2d, got Linear"):
        KroneckerConv2d.from_conv2d(nn.Linear(2, 2))
