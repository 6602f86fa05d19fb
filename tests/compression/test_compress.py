import copy
import warnings

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from qimlp.compression import CompressionConfig, compress, compress_layers_
from qimlp.nn import KroneckerLinear
from tests.compression.models import MODELS, RANK, cut, made, outputs, texts, vectors

every_model = pytest.mark.parametrize("name", MODELS)
LOW_RANK = {"form": "low_rank", "allocation": "uniform"}
CONFIG = CompressionConfig(ratio=1.8, **LOW_RANK)


@pytest.fixture(autouse=True)
def speeds(monkeypatch):
    """Speeds are not measured: that takes longer than all the rest."""
    calls = []

    def measured(dense, new, rows):
        calls.append((dense, new, rows))
        return 1.5

    monkeypatch.setattr(compress, "measured_speed", measured)
    return calls


@every_model
@pytest.mark.parametrize("limit", [compress.CACHE_BYTES, 1000])
def test_layers_of_low_rank_are_found_exactly(name, limit, monkeypatch):
    monkeypatch.setattr(compress, "CACHE_BYTES", limit)
    model, batches = made(name)
    cut(model)
    expected = outputs(model, batches)
    ratio = 1.05 if name == "convolutional" else 1.3
    report = compress_layers_(
        model, CompressionConfig(ratio=ratio, **LOW_RANK), calibration=batches
    )
    assert report.replaced
    assert all(layer.rank >= RANK for layer in report.replaced)
    torch.testing.assert_close(outputs(model, batches), expected, rtol=1e-10, atol=1e-10)
    for layer in report.replaced:
        assert layer.error == pytest.approx(0, abs=1e-6)
        assert layer.weight_error == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("name", ["mlp", "bert", "gpt2", "t5"])
def test_a_walk_that_keeps_nothing_gives_the_same_layers(name, monkeypatch):
    kept, batches = made(name)
    compress_layers_(kept, CONFIG, calibration=batches)
    again, _ = made(name)
    monkeypatch.setattr(compress, "CACHE_BYTES", 1000)
    compress_layers_(again, CONFIG, calibration=batches)
    torch.testing.assert_close(
        outputs(again, batches), outputs(kept, batches), rtol=1e-9, atol=1e-9
    )


def test_every_kind_of_iterable_gives_the_same_layers():
    batches = vectors()
    rows = torch.cat(batches)
    states = []
    for given in (
        batches,
        iter(batches),
        ((batch, "label") for batch in batches),
        DataLoader(TensorDataset(rows), batch_size=32),
    ):
        model, _ = made("mlp")
        compress_layers_(model, CONFIG, calibration=given)
        states.append(model.state_dict())
    for state in states[1:]:
        assert all(torch.equal(tensor, states[0][name]) for name, tensor in state.items())


def test_fitting_in_turn_makes_good_for_earlier_layers():
    def off(sequential):
        model, batches = made("mlp")
        expected = outputs(model, batches)
        config = CompressionConfig(ratio=2.5, sequential=sequential, **LOW_RANK)
        compress_layers_(model, config, calibration=batches)
        return float((outputs(model, batches) - expected).norm() / expected.norm())

    assert off(True) < 0.97 * off(False)


def test_mean_outputs_of_the_last_layer_are_the_wanted_ones():
    model, batches = made("mlp")
    original = copy.deepcopy(model)
    compress_layers_(model, CompressionConfig(ratio=3, **LOW_RANK), calibration=batches)
    x = torch.cat(batches)
    with torch.no_grad():
        inputs = (model[:3](x), original[:3](x))
        wanted = original[3](torch.stack(inputs).mean(0)).mean(0)  # half-way between the two
        got = model(x).mean(0)
    assert not torch.allclose(original(x).mean(0), got, atol=1e-4)
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_padding_counts_for_nothing(name):
    wider = [
        {
            "input_ids": nn.functional.pad(batch["input_ids"], (0, 3), value=7),
            "attention_mask": nn.functional.pad(batch["attention_mask"], (0, 3)),
        }
        for batch in texts()
    ]
    plain, _ = made(name)
    padded, _ = made(name)
    compress_layers_(plain, CONFIG, calibration=texts())
    compress_layers_(padded, CONFIG, calibration=wider)
    torch.testing.assert_close(
        outputs(padded, texts()), outputs(plain, texts()), rtol=1e-8, atol=1e-8
    )


def test_modes_hooks_gradients_and_random_numbers_stay():
    model, batches = made("mlp")
    model.insert(0, nn.Dropout(0.5))
    model[3][0].eval()
    model[1].weight.requires_grad_(False)
    heard = []
    model[3][0].register_forward_hook(lambda module, args, out: heard.append(type(module).__name__))
    model[4].weight.grad = torch.ones_like(model[4].weight)
    state = torch.get_rng_state()
    report = compress_layers_(
        model, CompressionConfig(ratio=2, skip=("4",), **LOW_RANK), calibration=batches
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert [layer.name for layer in report.replaced] == ["1", "3.0"]
    assert (model.training, model[1].training, model[3][0].training) == (True, True, False)
    assert not any(factor.requires_grad for factor in model[1].factors)
    assert all(factor.requires_grad for factor in model[3][0].factors)
    assert torch.equal(model[4].weight.grad, torch.ones_like(model[4].weight))
    heard.clear()
    model(batches[0])
    assert heard == ["KroneckerLinear"]


def test_dropout_does_not_touch_the_fit():
    plain, batches = made("mlp")
    dropping, _ = made("mlp")
    dropping.insert(2, nn.Dropout(0.5))
    compress_layers_(plain, CONFIG, calibration=batches)
    compress_layers_(dropping, CONFIG, calibration=batches)
    torch.testing.assert_close(outputs(dropping, batches), outputs(plain, batches))


def test_without_calibration_the_weights_are_fitted_and_it_is_said():
    model, batches = made("mlp")
    cut(model)
    expected = outputs(model, batches)
    with pytest.warns(UserWarning, match="no calibration data: layers are fitted to their weights"):
        report = compress_layers_(model, CompressionConfig(ratio=1.3, **LOW_RANK))
    assert len(report.replaced) == 3
    torch.testing.assert_close(outputs(model, batches), expected, rtol=1e-10, atol=1e-10)


def test_calibration_lowers_the_error_and_makes_no_warning():
    def off(calibration):
        model, batches = made("mlp")
        expected = outputs(model, batches)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if calibration is None else "error")
            compress_layers_(model, CompressionConfig(ratio=2.5), calibration=calibration)
        return float((outputs(model, batches) - expected).norm())

    assert off(vectors()) < off(None)


@pytest.mark.parametrize("form", ["kronecker", "low_rank", "auto"])
def test_the_report_tells_what_stands_in_the_model(form, speeds):
    model, batches = made("mlp")
    dense = [model.get_submodule(name) for name in ("0", "2.0", "3")]
    total = sum(p.numel() for p in model.parameters())
    report = compress_layers_(model, CompressionConfig(ratio=3, form=form), calibration=batches)
    assert [layer.name for layer in report.layers] == ["0", "2.0", "3"]
    assert report.model_parameters_before == total
    assert report.model_parameters_after == sum(p.numel() for p in model.parameters())
    assert report.parameters_after <= total / 3
    assert report.speed_rows == 32
    assert report.notes == ()
    for layer in report.replaced:
        module = model.get_submodule(layer.name)
        assert isinstance(module, KroneckerLinear)
        assert (module.in_dims, module.out_dims, module.rank) == (
            layer.in_dims,
            layer.out_dims,
            layer.rank,
        )
        assert layer.parameters_after == sum(p.numel() for p in module.parameters())
        assert 0 < layer.error < 1
        assert layer.predicted_speed > 0
        assert layer.measured_speed == 1.5
    new = [model.get_submodule(layer.name) for layer in report.layers]
    assert speeds == [(a, b, 32) for a, b in zip(dense, new, strict=True) if a is not b]
    forms = {layer.form for layer in report.replaced}
    assert forms == {form} or form == "auto"


def test_the_error_of_the_first_layer_is_that_of_its_outputs():
    model, batches = made("mlp")
    x = torch.cat(batches)
    before = model[0](x).detach()
    report = compress_layers_(model, CONFIG, calibration=batches)
    with torch.no_grad():
        after = model[0](x)
    spread = (before - before.mean(0)).norm()
    assert report.layers[0].error == pytest.approx(float((after - before).norm() / spread))


def test_a_width_that_does_not_split_is_left_alone_or_refused():
    model = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 7)).double()
    with pytest.raises(ValueError, match="2: expected widths that are products of 2 sizes"):
        compress_layers_(
            model,
            CompressionConfig(ratio=2, form="kronecker", on_unsupported="raise"),
            calibration=vectors(),
        )
    report = compress_layers_(
        model, CompressionConfig(ratio=2, form="kronecker"), calibration=vectors()
    )
    assert [layer.name for layer in report.layers] == ["0"]
    assert [layer.name for layer in report.left_alone] == ["2"]


def test_few_rows_and_batches_left_out_are_said(monkeypatch):
    model, batches = made("mlp")
    monkeypatch.setattr(compress, "CACHE_BYTES", batches[0][:3].nbytes)
    report = compress_layers_(model, CONFIG, calibration=(batch[:3].clone() for batch in batches))
    left_out, few = report.notes
    assert "the first 1 were used" in left_out
    assert "3 rows for the 16 inputs of 2.0" in few


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("has_bias", [True, False])
def test_inputs_that_never_vary_are_said(dtype, has_bias):
    model, _ = made("mlp")
    if not has_bias:
        model[0].register_parameter("bias", None)
    model.to(dtype)
    row = torch.randn(12, dtype=dtype, generator=torch.Generator().manual_seed(0))
    for batches in ([row.repeat(32, 1)] * 70, [row[None]] * 70):
        report = compress_layers_(copy.deepcopy(model), CONFIG, calibration=batches)
        (note,) = report.notes
        assert note.startswith("calibration: the inputs of 0 and 2 more never vary, so that any")
        assert 1 in {layer.rank for layer in report.layers}
    batches[-1] = row[None] + 0.5
    assert not compress_layers_(model, CONFIG, calibration=batches).notes
