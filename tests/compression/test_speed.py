"""Speed of a smaller layer beside the dense one: predicted and measured."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from qimlp.compression import measured_speed, predicted_speed, speed, speed_ratio
from qimlp.functional import explain
from qimlp.nn import KroneckerLinear
from qimlp.shapes import KroneckerShape


def test_prediction_is_that_of_explain() -> None:
    explained = explain(KroneckerShape((16, 24), (24, 16), 4), 256, needs_grad=False)
    expected = explained.linear_seconds / explained.chosen.seconds
    assert predicted_speed((16, 24), (24, 16), 4, 256) == expected


@pytest.mark.parametrize("rows", [64, 256, 4096])
@pytest.mark.parametrize("rank", [16, 32])
def test_balanced_factors_of_rank_16_and_more_are_predicted_no_faster(rank: int, rows: int) -> None:
    assert predicted_speed((16, 24), (24, 16), rank, rows) <= 1


@pytest.mark.parametrize("rows", [64, 256, 4096])
def test_low_rank_of_a_quarter_is_predicted_faster(rows: int) -> None:
    assert predicted_speed((1, 384), (384, 1), 48, rows) > 1.5


class _Costly(nn.Linear):
    """A layer that costs a known time on a clock of its own."""

    now = 0.0

    def __init__(self, seconds: float) -> None:
        super().__init__(8, 4)
        self.seconds = seconds
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        _Costly.now += self.seconds
        self.shapes.append(tuple(x.shape))
        return super().forward(x)


def test_measurement_is_the_ratio_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_clock", lambda: _Costly.now)
    dense, new = _Costly(0.003), _Costly(0.001)
    dense.register_forward_hook(_fail)
    assert measured_speed(dense, new, 10) == pytest.approx(3.0)
    assert measured_speed(new, dense, 10) == pytest.approx(1 / 3)
    assert set(dense.shapes) == {(10, 8)}
    assert dense.training


def test_ratio_of_any_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_clock", lambda: _Costly.now)
    slow, fast, x = _Costly(0.01), _Costly(0.0025), torch.randn(3, 8)
    cpu = torch.device("cpu")
    assert speed_ratio(lambda: slow(x), lambda: fast(x), device=cpu) == pytest.approx(4.0)


def _fail(*_: Any) -> None:
    raise AssertionError("a hook ran")


def test_wide_low_rank_layer_is_measured_faster() -> None:
    dense = nn.Linear(768, 768)
    new = KroneckerLinear(768, 768, bias=True, in_dims=(1, 768), out_dims=(768, 1), rank=24)
    found = measured_speed(dense, new, 256)
    assert found is not None
    assert found > 1.5


@pytest.mark.parametrize(
    ("arguments", "side"),
    [
        ({"kernel_size": 1}, 8),
        ({"kernel_size": 3}, 8),
        ({"kernel_size": 3, "padding": 1, "stride": 2}, 8),
        ({"kernel_size": 3, "padding": "same", "dilation": 2}, 8),
        ({"kernel_size": 3, "padding": "valid"}, 8),
    ],
)
def test_convolution_gets_an_image_of_as_many_positions(
    arguments: dict[str, Any], side: int
) -> None:
    layer = nn.Conv2d(3, 5, **arguments)
    image = speed._inputs(layer, 64)
    assert layer(image).shape == (1, 5, side, side)


def test_device_without_a_clock_is_unknown() -> None:
    layer = nn.Linear(4, 4, device="meta")
    assert measured_speed(layer, layer) is None
