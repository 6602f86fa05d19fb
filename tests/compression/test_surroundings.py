"""What is around a compression changes nothing, and is not changed."""

import pytest
import torch
from torch import nn

from qimlp.compression import (
    CompressionConfig,
    adapter_parameters,
    add_adapters_,
    compress,
    compress_layers_,
    restore_,
    save_compressed,
)
from qimlp.training import compress_
from tests.compression.models import made

CONFIG = CompressionConfig(ratio=1.8, form="low_rank")


@pytest.fixture(autouse=True)
def no_speeds(monkeypatch):
    monkeypatch.setattr(compress, "measured_speed", lambda *_: None)


def compressed(batches=None):
    model, given = made("mlp")
    compress_layers_(model, CONFIG, calibration=given if batches is None else batches)
    return model


def test_dense_layers_and_adapters_made_in_inference_mode_learn():
    model, batches = made("mlp")
    with torch.inference_mode():
        compress_layers_(model, CompressionConfig(ratio=3, skip="3"), calibration=batches)
        assert restore_(model)
        add_adapters_(model, filter_fn=lambda _, name: name == "3")
    model[0].requires_grad_()
    model(batches[0]).sum().backward()
    assert model[0].weight.grad is not None
    assert any(bool(parameter.grad.any()) for parameter in adapter_parameters(model))


def test_a_compressed_model_is_not_saved_with_adapters(tmp_path):
    model, batches = made("mlp")
    compress_layers_(model, CompressionConfig(ratio=3, skip="3"), calibration=batches)
    add_adapters_(model, filter_fn=lambda _, name: name == "3")
    with pytest.raises(ValueError, match="^model: it has an adapter on 3; save_adapters saves"):
        save_compressed(model, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def same(one, other):
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("around", [torch.inference_mode, torch.no_grad])
def test_layers_are_the_same_and_learn(around):
    with around():
        model = compressed()
    assert same(model, compressed())
    model(made("mlp")[1][0]).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_moments_keep_their_digits_under_autocast():
    model, batches = made("mlp")
    model.float()
    rows = [batch.float() for batch in batches]
    with torch.autocast("cpu", torch.bfloat16):
        report = compress_layers_(model[:1], CONFIG, calibration=rows)
    other, _ = made("mlp")
    expected = compress_layers_(other.float()[:1], CONFIG, calibration=rows)
    assert report.layers[0].error == pytest.approx(expected.layers[0].error, rel=1e-6)


def test_inputs_that_a_model_alters_come_back():
    class Doubling(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, _ = made("mlp")

        def forward(self, x):
            return self.inner(x.mul_(2))

    _, batches = made("mlp")
    kept = [batch.clone() for batch in batches]
    for given in (batches, iter(batches)):
        model = Doubling()
        compress_layers_(model, CONFIG, calibration=given)
        assert all(torch.equal(a, b) for a, b in zip(batches, kept, strict=True))
        assert same(model.inner, compressed([2 * batch for batch in batches]))


def test_a_lazy_module_is_not_given_its_shape():
    model = nn.Sequential(nn.Linear(12, 12), nn.LazyLinear(4))
    with pytest.raises(ValueError, match="^1: its shape is known .* call the model once$"):
        compress_layers_(model, CONFIG, calibration=[torch.randn(50, 12)])
    assert model[1].has_uninitialized_params()


def test_a_part_without_values_is_refused_before_the_model_is_run():
    model = nn.Sequential(nn.Linear(12, 12), nn.Linear(12, 12, device="meta"))
    config = CompressionConfig(ratio=2, skip="1")
    with pytest.raises(ValueError, match="^1: it is on the meta device and has no values"):
        compress_layers_(model, config, calibration=[torch.randn(50, 12)])


@pytest.mark.parametrize("call", [compress_layers_, compress_])
@pytest.mark.parametrize("config", [{"ratio": 2}, 2, None])
def test_a_config_of_another_type(call, config):
    with pytest.raises(TypeError, match="^config: expected a CompressionConfig, got "):
        call(made("mlp")[0], config)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_scripted_modules_run_and_are_not_looked_into():
    scripted = torch.jit.script(nn.Sequential(nn.Linear(12, 12)))
    model = nn.Sequential(scripted, nn.Linear(12, 12))
    report = compress_layers_(model, CONFIG, calibration=[torch.randn(50, 12)])
    assert [layer.name for layer in report.layers] == ["1"]
    assert model[0] is scripted
    with pytest.raises(ValueError, match="found no nn.Linear"):
        compress_layers_(scripted, CONFIG, calibration=[torch.randn(50, 12)])
