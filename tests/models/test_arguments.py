"""Dtypes and devices that are none are refused in one line, wherever they are taken."""

import pytest
import torch

from qimlp import MLP, KroneckerLinear, KroneckerShape, QiMLP
from qimlp.functional import explain, init_bias_factors, init_factors
from qimlp.models import LowRankMLP

SHAPE = KroneckerShape((3, 4), (5, 2))
TAKERS = {
    "layer": lambda **options: KroneckerLinear(12, 10, **options),
    "network": lambda **options: QiMLP([(3, 4), (5, 2)], **options),
    "mlp": lambda **options: MLP([12, 10], **options),
    "low rank": lambda **options: LowRankMLP([12, 10], **options),
    "explain": lambda **options: explain(SHAPE, **options),
    "factors": lambda **options: init_factors(SHAPE, **options),
    "bias factors": lambda **options: init_bias_factors(SHAPE, **options),
}
every_taker = pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)


@every_taker
@pytest.mark.parametrize(
    ("dtype", "line"),
    [
        ("float32", "dtype: expected a torch.dtype such as torch.float32, got 'float32'"),
        (float, "dtype: expected a torch.dtype such as torch.float32, got <class 'float'>"),
        (torch.int64, "dtype: expected a floating-point dtype, got torch.int64"),
        (torch.complex64, "dtype: expected a floating-point dtype, got torch.complex64"),
        (
            torch.float8_e5m2,
            "dtype: expected one to compute in, such as torch.bfloat16, got torch.float8_e5m2",
        ),
    ],
)
def test_dtypes(take, dtype, line):
    with pytest.raises(TypeError) as caught:
        take(dtype=dtype)
    assert str(caught.value) == line


@every_taker
@pytest.mark.parametrize(
    ("device", "error"),
    [
        ("gpu", ValueError),
        ("cuda:x", ValueError),
        ("", ValueError),
        (1.5, TypeError),
        ([], TypeError),
    ],
)
def test_devices(take, device, error):
    with pytest.raises(error) as caught:
        take(device=device)
    expected = 'device: expected a torch.device or a name such as "cuda:0", got '
    assert str(caught.value) == f"{expected}{device!r}"


@every_taker
@pytest.mark.parametrize("device", ["cpu", "meta", torch.device("cpu")])
def test_what_is_taken(take, device):
    take(device=device, dtype=torch.float64)


def test_long_values_are_cut():
    with pytest.raises(TypeError) as caught:
        KroneckerLinear(12, 10, dtype="x" * 10**6)
    assert len(str(caught.value)) < 200
