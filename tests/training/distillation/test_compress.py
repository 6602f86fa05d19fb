"""Compression of whole models with tuned candidates: which is chosen, and what is kept."""

import copy

import pytest
import torch
from torch import nn

from qimlp.compression import CompressionConfig, compress_layers_
from qimlp.training import compress_, distill
from qimlp.training.distillation import candidates, compress
from qimlp.training.distillation.distill import DistillationResult
from qimlp.training.distillation.layer_errors import output_errors

TORCH = torch.Generator


def rows(count=512, width=36, seed=0):
    return torch.randn(count, width, generator=TORCH().manual_seed(seed))


def network(kind="any"):
    """36-36-36-36, whose weights are of rank 2, Kronecker products of 6x6, or anything."""
    model = nn.Sequential(
        nn.Linear(36, 36), nn.GELU(), nn.Linear(36, 36), nn.GELU(), nn.Linear(36, 36)
    )
    random = TORCH().manual_seed(1)
    with torch.no_grad():
        for layer in model[::2]:
            layer.bias.copy_(torch.randn(36, generator=random) / 3)
            if kind == "low_rank":
                left, right = torch.randn(2, 36, 2, generator=random)
                layer.weight.copy_(left @ right.T / 6)
            elif kind == "kronecker":
                first, second = torch.randn(2, 6, 6, generator=random)
                layer.weight.copy_(torch.kron(first, second) / 6)
            else:
                layer.weight.copy_(torch.randn(36, 36, generator=random) / 4)
    return model.eval()


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def is_as_before(model, modules, before):
    same = dict(model.named_modules()) == modules
    return same and all(torch.equal(t, before[name]) for name, t in model.state_dict().items())


def relative(found, wanted):
    return float((found - wanted).square().mean() / (wanted - wanted.mean(0)).square().mean())


@pytest.mark.parametrize("form", ["low_rank", "kronecker", "auto"])
def test_a_budget_that_the_model_keeps_already_replaces_nothing(form):
    model = network()
    modules, before = dict(model.named_modules()), state(model)
    config = CompressionConfig(max_parameters=10_000, form=form)
    report = compress_(model, config, calibration=rows().split(32))
    assert not report.replaced
    assert report.ratio == 1
    assert is_as_before(model, modules, before)


@pytest.mark.parametrize("kind", ["low_rank", "kronecker"])
def test_auto_finds_the_form_that_is_exact(kind):
    model = network(kind)
    original = copy.deepcopy(model)
    config = CompressionConfig(ratio=5, tune_steps=10)
    report = compress_(model, config, calibration=rows().split(32))
    assert {layer.form for layer in report.layers} == {kind}
    assert report.ratio >= 5
    fresh = rows(seed=9)
    with torch.no_grad():
        assert relative(model(fresh), original(fresh)) < 1e-3
    words = {"low_rank": "low rank", "kronecker": "Kronecker"}[kind]
    (note,) = [note for note in report.notes if note.startswith("form:")]
    assert note.startswith(f"form: {words} chosen by the loss after tuning on held-out rows: ")


def parts(batches):
    """What candidates are fitted on, and what they are compared on."""
    held = [batch for number, batch in enumerate(batches, 1) if number % 8 == 0]
    return [batch for number, batch in enumerate(batches, 1) if number % 8], held


def low_rank(original, batches):
    model = copy.deepcopy(original)
    config = CompressionConfig(ratio=6, form="low_rank", tune_steps=0)
    return model, compress_layers_(model, config, calibration=batches)


def only_low_rank(monkeypatch):
    monkeypatch.setattr(compress, "FORM_NAMES", {"low_rank": "low rank"})


def test_the_best_form_is_fitted_and_tuned_anew_on_all_rows(monkeypatch):
    only_low_rank(monkeypatch)
    model = network()
    original = copy.deepcopy(model)
    batches = rows().split(32)
    report = compress_(model, CompressionConfig(ratio=6, tune_steps=60), calibration=batches)
    expected, _ = low_rank(original, batches)
    distill(expected, original, batches, steps=60)
    with torch.no_grad():
        assert torch.equal(model(batches[0]), expected(batches[0]))
        held = torch.cat(parts(batches)[1])
        last = (model(held) - original(held)).norm()
        spread = (original(held) - original(held).mean(0)).norm()
    assert report.layers[2].tuned_error == pytest.approx(float(last / spread), rel=1e-4)
    assert all(layer.tuned_error is not None for layer in report.layers)


def test_forms_are_compared_on_rows_that_neither_fit_nor_tuning_has_seen(monkeypatch):
    only_low_rank(monkeypatch)
    model = network()
    original = copy.deepcopy(model)
    batches = rows().split(32)
    report = compress_(model, CompressionConfig(ratio=6, tune_steps=60), calibration=batches)
    fitted, held = parts(batches)
    expected, _ = low_rank(original, fitted)
    found = distill(expected, original, fitted, steps=60, dev=held)
    assert found.after < 0.97 * found.before
    (note,) = [note for note in report.notes if note.startswith("form:")]
    assert note.endswith(f": low rank {found.after:.3g} ({found.before:.3g} before tuning)")


def test_where_tuning_does_not_help_the_form_is_as_it_is_alone(monkeypatch):
    only_low_rank(monkeypatch)
    rates = []

    def harmful(student, teacher, batches, *, lr, **given):
        rates.append(lr)
        with torch.no_grad():
            student[0].bias.add_(1)
        return DistillationResult(1, 0.25, 0.25, "dev", rejected=0.5)

    monkeypatch.setattr(candidates, "distill", harmful)
    model = network()
    original = copy.deepcopy(model)
    batches = rows().split(32)
    report = compress_(model, CompressionConfig(ratio=6, tune_steps=60), calibration=batches)
    assert rates == [None, 1e-4]
    expected, alone = low_rank(original, batches)
    with torch.no_grad():
        assert torch.equal(model(batches[0]), expected(batches[0]))
    assert [layer.error for layer in report.layers] == [layer.error for layer in alone.layers]


def test_a_form_that_cannot_reach_the_budget_drops_out():
    model = network()
    report = compress_(
        model, CompressionConfig(ratio=15, tune_steps=5), calibration=rows().split(32)
    )
    assert {layer.form for layer in report.layers} == {"kronecker"}
    assert report.ratio >= 15
    (left_out,) = [note for note in report.notes if "left out" in note]
    assert left_out.startswith("form: low rank is left out: ratio: expected at most ")


def test_nothing_changes_where_no_form_can():
    model = network()
    modules, before = dict(model.named_modules()), state(model)
    with pytest.raises(ValueError, match="ratio: expected at most"):
        compress_(model, CompressionConfig(ratio=1000), calibration=rows().split(32))
    assert is_as_before(model, modules, before)


def test_nothing_changes_after_an_error_in_tuning():
    def broken(output, batch):
        raise KeyError("broken")

    model = network()
    modules, before = dict(model.named_modules()), state(model)
    with pytest.raises(KeyError, match="broken"):
        compress_(model, CompressionConfig(ratio=5), calibration=rows().split(32), outputs=broken)
    assert is_as_before(model, modules, before)
    with pytest.raises(TypeError, match="say what to match"):
        compress_(
            Wordy(model), CompressionConfig(ratio=5, tune_steps=2), calibration=rows().split(32)
        )
    assert is_as_before(model, modules, before)


class Wordy(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        self.model(x)
        return "words"


@pytest.mark.parametrize(
    "chosen", [{"form": "low_rank"}, {"form": "kronecker"}, {"tune_steps": 0}, {"plain": True}]
)
@pytest.mark.filterwarnings("ignore:no calibration data")
def test_without_candidates_to_tune_the_fit_is_all(chosen):
    plain = chosen.pop("plain", False)
    config = CompressionConfig(ratio=5, **chosen)
    calibration = None if plain else rows().split(32)
    models = network(), network()
    compress_(models[0], config, calibration=calibration)
    compress_layers_(models[1], config, calibration=calibration)
    expected = models[1].state_dict()
    assert all(torch.equal(t, expected[name]) for name, t in models[0].state_dict().items())


def test_frozen_models_are_tuned_and_stay_frozen_with_modes_and_hooks():
    model = network().requires_grad_(False)
    model.train()
    model[1].eval()
    seen = []
    model[2].register_forward_hook(lambda *_: seen.append(1))
    gelu = model[1]
    report = compress_(
        model, CompressionConfig(ratio=6, tune_steps=20), calibration=iter(rows().split(32))
    )
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert [layer.training for layer in model] == [True, False, True, True, True]
    assert model[1] is gelu
    assert all(layer.tuned_error is not None for layer in report.layers)
    seen.clear()
    model(rows(4))
    assert seen == [1]
    assert len(model[2]._forward_hooks) == 1


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_forms_are_tuned_where_gradients_are_off_around(around):
    model, other = network(), network()
    batches = rows(64).split(32)
    config = CompressionConfig(ratio=6, tune_steps=3)
    with around():
        report = compress_(model, config, calibration=batches)
    assert report.notes == compress_(other, config, calibration=batches).notes
    assert all(torch.equal(t, other.state_dict()[name]) for name, t in model.state_dict().items())
    model(batches[0]).sum().backward()


@pytest.mark.parametrize("budget", [{"ratio": 4}, {"max_parameters": 700}])
def test_layers_that_a_form_does_not_fit_count_in_its_budget(budget):
    model = nn.Sequential(network("kronecker"), nn.Linear(36, 7))  # 7 is no product
    total = sum(parameter.numel() for parameter in model.parameters())
    report = compress_(
        model, CompressionConfig(tune_steps=3, **budget), calibration=rows().split(32)
    )
    assert {layer.form for layer in report.layers} == {"kronecker"}
    assert sum(parameter.numel() for parameter in model.parameters()) <= total / 4


def test_a_form_whose_dense_layers_take_all_of_the_budget_is_left_out():
    model = nn.Sequential(nn.Linear(36, 36), nn.Linear(36, 37))
    report = compress_(
        model, CompressionConfig(ratio=3, tune_steps=3), calibration=rows().split(32)
    )
    assert (
        "form: Kronecker is left out: the layers that it does not fit have 1,369 parameters, the "
        "budget is 900"
    ) in report.notes
    assert sum(parameter.numel() for parameter in model.parameters()) <= 900


def test_errors_of_convolutions_are_measured_by_channel_before_what_writes_into_them():
    random = TORCH().manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(2)
    ).eval()
    original = copy.deepcopy(model)
    with torch.no_grad():
        model[0].weight.add_(torch.randn(12, 8, 3, 3, generator=random) / 10)
    batches = torch.randn(12, 8, 5, 5, generator=random).split(4)
    found = output_errors(model, original, ["0"], batches)
    with torch.no_grad():
        wanted, given = (torch.cat([each[0](x) for x in batches]) for each in (original, model))
        spread = (wanted - wanted.mean((0, 2, 3), keepdim=True)).norm()
        expected = (given - wanted).norm() / spread
    assert found == {"0": pytest.approx(float(expected), rel=1e-5)}


@pytest.mark.parametrize(
    ("calibration", "got"),
    [
        (rows(), r"a tensor of shape \(512, 36\)"),
        ("imdb", "str"),
        ({"x": rows()}, "dict"),
        (rows, "function"),
    ],
)
def test_calibration_that_is_no_iterable_of_batches(calibration, got):
    model = network()
    modules, before = dict(model.named_modules()), state(model)
    message = f"^calibration: expected an iterable of batches, got {got}; a single batch goes into"
    for form in ("auto", "low_rank"):
        with pytest.raises(TypeError, match=message):
            compress_(model, CompressionConfig(ratio=2, form=form), calibration=calibration)
    assert is_as_before(model, modules, before)
