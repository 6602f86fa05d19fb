"""What a compression refuses, and that the model then is as it was."""

import pytest
import torch
from torch import nn

from qimlp.compression import CompressionConfig, compress, compress_layers_
from tests.compression.models import made, vectors

LOW_RANK = {"form": "low_rank", "allocation": "uniform"}
CONFIG = CompressionConfig(ratio=1.8, **LOW_RANK)


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_as_before(model, modules, state):
    assert [*model.named_modules()] == modules
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert all("forward" not in vars(module) for module in model.modules())
    assert not any(module._forward_pre_hooks for module in model.modules())


class Failing(nn.Module):
    """A model that fails at one of its calls."""

    def __init__(self, at):
        super().__init__()
        self.layers, _ = made("mlp")
        self.calls, self.at = 0, at

    def forward(self, x):
        self.calls += 1
        if self.calls == self.at:
            raise OverflowError("on purpose")
        return self.layers(x)


@pytest.mark.parametrize("at", [1, 2, 5, 8])
def test_an_error_inside_the_model_leaves_it_as_it_was(at, monkeypatch):
    monkeypatch.setattr(compress, "CACHE_BYTES", 1000)
    model = Failing(at)
    modules, state = [*model.named_modules()], state_of(model)
    with pytest.raises(OverflowError, match="on purpose"):
        compress_layers_(model, CONFIG, calibration=vectors())
    assert_as_before(model, modules, state)
    assert model.training


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.spare = nn.Linear(12, 12), nn.Linear(12, 12)

    def forward(self, x):
        return self.used(x)


def spoilt(value):
    batches = vectors()
    batches[1][3, 4] = value
    return batches


@pytest.mark.parametrize(
    ("model", "calibration", "error", "said"),
    [
        (Unused(), vectors(), ValueError, "calibration never reaches layer spare: skip it"),
        (made("mlp")[0], [], ValueError, "calibration: expected at least one batch, got none"),
        (made("mlp")[0], vectors()[0], TypeError, "calibration: expected an iterable of batches"),
        (made("mlp")[0], ["text"], TypeError, "calibration, batch 0: expected batches"),
        (made("mlp")[0], spoilt(torch.nan), ValueError, "expected finite inputs of layer 0"),
        (made("mlp")[0], spoilt(torch.inf), ValueError, "expected finite inputs of layer 0"),
    ],
)
def test_calibration_that_cannot_be_used_is_refused_in_one_line(model, calibration, error, said):
    model = model.double()
    modules, state = [*model.named_modules()], state_of(model)
    with pytest.raises(error, match=said) as caught:
        compress_layers_(model, CONFIG, calibration=calibration)
    assert "\n" not in str(caught.value)
    assert_as_before(model, modules, state)


def test_padding_alone_is_refused():
    model, batches = made("bert")
    for batch in batches:
        batch["attention_mask"] = torch.zeros_like(batch["attention_mask"])
    with pytest.raises(ValueError, match=r"layer encoder\.layer\.0\.\S+ sees nothing but padding"):
        compress_layers_(model, CONFIG, calibration=batches)


def test_a_ratio_that_cannot_be_reached_leaves_the_model_as_it_was():
    model, batches = made("mlp")
    modules, state = [*model.named_modules()], state_of(model)
    with pytest.raises(ValueError, match="ratio: expected at most"):
        compress_layers_(model, CompressionConfig(ratio=500, **LOW_RANK), calibration=batches)
    assert_as_before(model, modules, state)
