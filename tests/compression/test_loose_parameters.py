"""Matrices that lie in no layer are left alone, and named."""

import pytest
import torch
from torch import nn

from qimlp.compression import CompressionConfig, add_adapters_, compress_layers_
from qimlp.compression.targets import find_targets
from qimlp.nn import KroneckerAdapter, KroneckerLinear

CONFIG = CompressionConfig(ratio=2, form="low_rank")


class Experts(nn.Module):
    """Experts whose weights are one tensor, as transformers keeps them."""

    def __init__(self):
        super().__init__()
        self.gate_up = nn.Parameter(torch.randn(3, 12, 8))
        self.scale = nn.Parameter(torch.ones(1, 1, 12))

    def forward(self, x):
        return x @ self.gate_up.sum(0).relu()


def model():
    return nn.Sequential(nn.Linear(12, 12), Experts())


def named(network, config=CONFIG, **how):
    return [each.name for each in find_targets(network, config, **how)[1]]


def test_they_stand_in_the_report_with_the_reason():
    network = model()
    report = compress_layers_(network, CONFIG, calibration=[torch.randn(64, 12)])
    (left,) = report.left_alone
    assert (left.name, left.kind) == ("1.gate_up", "Experts")
    assert "Left alone: 1.gate_up (Experts): a parameter of shape (3, 12, 8) that lies in no" in (
        str(report)
    )
    assert type(report).from_dict(report.to_dict()) == report
    assert isinstance(network[0], KroneckerLinear)


def test_tables_norms_and_the_insides_of_layers_are_none():
    network = nn.Sequential(
        nn.Linear(12, 12),
        nn.utils.parametrizations.weight_norm(nn.Linear(12, 12)),
        nn.Embedding(5, 12),
        nn.LayerNorm((3, 12)),
        KroneckerLinear(12, 12),
        KroneckerAdapter(nn.Linear(12, 12)),
        nn.LazyLinear(3),
    )
    assert named(network) == ["1", "4", "5.base", "6"]


def test_what_is_skipped_or_not_asked_for_is_not_named():
    strict = CompressionConfig(ratio=2, on_unsupported="raise")
    assert named(model(), strict) == ["1.gate_up"]
    assert named(model(), CompressionConfig(ratio=2, skip="1")) == []
    assert named(model(), filter_fn=lambda *_: True) == []
    assert add_adapters_(model()) == ["0"]  # without a warning


def test_a_model_with_nothing_else_is_refused_by_their_name():
    with pytest.raises(ValueError, match=r"found no nn.Linear.*; gate_up \(Experts\): a parameter"):
        find_targets(Experts(), CONFIG)
