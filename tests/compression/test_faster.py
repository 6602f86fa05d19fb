"""`goal="speed"`: a layer is replaced only where that is predicted and measured to be faster."""

import copy

import pytest
import torch
from torch import nn

from qimlp.compression import CompressionConfig, compress, compress_layers_, faster
from tests.compression.models import made

CONFIG = CompressionConfig(ratio=1.05, form="low_rank", goal="speed")


@pytest.fixture
def measured(monkeypatch):
    """What is measured, in the order of the measurements; all of it is faster by default."""
    seen = []

    def record(dense, new, rows):
        seen.append((dense, new.rank, rows))
        return 1.0 if new.rank > record.fastest else 2.0

    record.fastest = 10**6
    monkeypatch.setattr(faster, "measured_speed", record)
    monkeypatch.setattr(compress, "measured_speed", lambda *_: 2.0)
    monkeypatch.setattr(faster, "predicted_speed", lambda *_, **__: 2.0)
    record.seen = seen
    return record


def test_only_what_is_predicted_faster_is_replaced(measured, monkeypatch):
    monkeypatch.setattr(
        faster,
        "predicted_speed",
        lambda in_dims, out_dims, rank, rows, **_: 2.0 if out_dims == (8, 1) else 0.5,
    )
    model, batches = made("mlp")
    report = compress_layers_(model, CONFIG, calibration=batches)
    assert [layer.name for layer in report.replaced] == ["3"]
    assert report.replaced[0].predicted_speed == 2.0
    assert len(measured.seen) == 1


def test_what_is_measured_slower_gets_less_rank(measured):
    model, batches = made("mlp")
    free = compress_layers_(copy.deepcopy(model), CONFIG, calibration=batches)
    measured.fastest = max(layer.rank for layer in free.replaced) - 1
    report = compress_layers_(model, CONFIG, calibration=batches)
    assert report.replaced
    assert all(layer.rank <= measured.fastest for layer in report.replaced)


def test_without_a_faster_layer_the_budget_cannot_be_reached(measured):
    measured.fastest = 0
    model, batches = made("mlp")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"ratio: expected at most 1\.0, .* new layer is faster"):
        compress_layers_(model, CONFIG, calibration=batches)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_layers_of_one_size_are_measured_once(measured):
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)).double()
    config = CompressionConfig(ratio=2, form="low_rank", goal="speed", allocation="uniform")
    batches = [torch.randn(64, 8, dtype=torch.float64)]
    report = compress_layers_(model, config, calibration=batches)
    ranks = {layer.rank for layer in report.replaced}
    assert len(measured.seen) == len(ranks) < 3
    assert {rows for _, _, rows in measured.seen} == {report.speed_rows}
