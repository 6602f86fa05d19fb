"""The analysis of a whole model."""

import json
import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from qimlp import QiMLP
from qimlp.correlation import BASELINES, analyze, correlations, density_matrix, strong_correlation
from tests.correlation.example_networks import Convolution, control, inputs, network

QUICK = {"baselines": False}


def test_it_measures_every_hidden_layer_before_and_after_its_activation():
    model, x = network(), inputs()
    report = analyze(model, x, **QUICK)
    places = [(layer.place.layer, layer.place.stage, layer.place.dims) for layer in report.layers]
    assert places == [
        ("layers.0", "before", (3, 4)),
        ("layers.0", "after", (3, 4)),
        ("layers.2", "before", (4, 3)),
        ("layers.2", "after", (4, 3)),
    ]
    y = x
    with torch.no_grad():
        for layer, module in zip(report.layers, model.layers, strict=False):
            y = module(y)
            expected = strong_correlation(y, layer.place.dims)
            found = layer.measured
            assert found.strong.mean == pytest.approx(float(expected.mean()), abs=1e-12)
            assert found.strong.std == pytest.approx(float(expected.std()), abs=1e-12)
            assert found.share_above.mean == float((expected > 0).double().mean())
            assert sum(found.histogram.counts) == found.samples == 60
            parts = correlations(y, layer.place.dims)
            assert found.total.mean == pytest.approx(float(parts.total.mean()), abs=1e-12)
            spectrum = parts.spectra[0].mean(0).tolist()
            assert found.spectra[0] == pytest.approx(spectrum, abs=1e-12)
            averaged = correlations(density_matrix(y), layer.place.dims, pure=False)
            assert found.averaged.strong == pytest.approx(float(averaged.strong), abs=1e-10)
            assert found.averaged.whole == pytest.approx(float(averaged.whole), abs=1e-10)


def test_the_model_is_left_as_it_was():
    model = network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    analyze(model, inputs())
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_hooks_are_removed_after_a_failure():
    model = network()
    with pytest.raises(ValueError, match="expected finite outputs, got NaN or infinity"):
        analyze(model, inputs() * float("nan"))
    assert not any(module._forward_hooks for module in model.modules())


def test_batches_do_not_matter():
    # float64: another batch may be computed another way, which rounds differently
    model, x = network().double(), inputs().double()
    whole = analyze(model, x, **QUICK)
    loader = DataLoader(TensorDataset(x, torch.zeros(60)), batch_size=7)
    for data in (loader, iter([x[:1], x[1:]]), [(part, None) for part in x.split(11)][:0] or [x]):
        again = analyze(model, data, **QUICK)
        for one, two in zip(whole.layers, again.layers, strict=True):
            assert two.measured.strong.mean == pytest.approx(one.measured.strong.mean, abs=1e-12)
            assert two.measured.strong.std == pytest.approx(one.measured.strong.std, abs=1e-12)
    first = analyze(model, x, max_samples=20, **QUICK)
    assert first.samples == 20
    expected = analyze(model, x[:20], **QUICK).layers[0].measured.strong
    assert first.layers[0].measured.strong.mean == pytest.approx(expected.mean, abs=1e-12)


def test_steps_are_paired():
    model, x = network(), inputs()
    report = analyze(model, x, **QUICK)
    with torch.no_grad():
        one = strong_correlation(model.layers[:2](x), (3, 4))
        two = strong_correlation(model.layers[:4](x), (4, 3))
    step = next(
        s
        for s in report.steps
        if s.second.layer == "layers.2" and s.first.layer == "layers.0" and s.first.stage == "after"
    )
    assert step.difference.mean == pytest.approx(float((two - one).mean()), abs=1e-12)
    assert step.difference.std == pytest.approx(float((two - one).std()), abs=1e-12)
    assert len(report.steps) == 4  # layer to layer at two stages, two activations


def test_zero_vectors_are_excluded_and_counted():
    model = QiMLP([(2, 2), (2, 2), (2, 2)], bias=False, activation="relu")
    x = torch.cat([torch.zeros(3, 4), torch.ones(2, 4), -torch.ones(2, 4)])
    report = analyze(model, x)
    before = report.layers[0].measured
    assert (before.zero_vectors, before.samples) == (3, 4)
    with torch.no_grad():
        alive = strong_correlation(model.layers[0](x[3:]), (2, 2))
    assert before.strong.mean == pytest.approx(float(alive.mean()), abs=1e-12)
    assert any("3 zero vectors excluded" in note for note in report.notes)
    with pytest.raises(ValueError, match="every output of every layer is the zero vector"):
        analyze(model, torch.zeros(3, 4))


def test_a_silent_place_is_left_out_and_named():
    model = QiMLP([(2, 2), (2, 2), (2, 2)], bias=False, activation="relu")
    with torch.no_grad():
        for factor in model.layers[0].factors:
            factor.abs_()
    report = analyze(model, -torch.ones(4, 4))
    assert [layer.place.stage for layer in report.layers] == ["before"]
    assert any("left out, every output is the zero vector" in note for note in report.notes)


def test_any_model_with_named_layers():
    model = Convolution()
    x = torch.randn(5, 3, 6, generator=torch.Generator().manual_seed(0))
    report = analyze(model, x, layers={"block.0": (2, 3)})
    assert report.samples == 5
    before, after = report.layers
    assert before.measured.samples == after.measured.samples + after.measured.zero_vectors == 15
    with torch.no_grad():
        outputs = model.block[0](x).reshape(-1, 6)
    expected = float(strong_correlation(outputs, (2, 3)).mean())
    assert before.measured.strong.mean == pytest.approx(expected, abs=1e-12)
    assert after.measured.strong.mean != before.measured.strong.mean
    assert any("the inputs are not vectors" in note for note in report.notes)


def test_three_bodies_and_bits():
    model = QiMLP([(2, 2, 3), (3, 2, 2), (1, 2, 2)])
    nats = analyze(model, inputs())
    bits = analyze(model, inputs(), base=2)
    assert (nats.unit, bits.unit) == ("nats", "bits")
    one, two = nats.layers[1], bits.layers[1]
    assert len(one.measured.bodies) == 3
    for name in ("strong", "total", "mixture"):
        ratio = getattr(one.measured, name).mean / getattr(two.measured, name).mean
        assert ratio == pytest.approx(math.log(2), abs=1e-10)
    ratio = one.baseline("random").page[0] / two.baseline("random").page[0]
    assert ratio == pytest.approx(math.log(2), abs=1e-10)
    assert one.measured.effective_rank == two.measured.effective_rank


def test_baselines_stand_beside_every_place():
    report = analyze(network(), inputs(), control=control(), baseline_samples=50)
    for layer in report.layers:
        assert [b.name for b in layer.baselines] == [
            "untrained",
            "shuffled",
            "permuted",
            "random",
            "mlp",
        ]
        assert [c.against for c in layer.comparisons] == [b.name for b in layer.baselines]
        assert layer.baseline("untrained").draws == 5
        assert {b.samples for b in layer.baselines} == {50}
        for comparison in layer.comparisons:
            assert comparison.low < comparison.difference < comparison.high
    without = analyze(network(), inputs())
    assert without.layers[0].baseline("mlp") is None
    assert without.layers[0].baseline("untrained_mlp").draws == 5
    given = {"untrained", "shuffled", "permuted", "random", "mlp", "untrained_mlp", "control"}
    assert set(BASELINES) == given


def test_an_untrained_network_does_not_differ_from_untrained_ones():
    report = analyze(
        network(3), inputs(200), untrained_networks=[network(s) for s in range(10, 30)]
    )
    layer = report.layers[0]
    assert layer.baseline("untrained").draws == 20
    own = layer.measured.strong.mean
    spread = layer.baseline("untrained").strong
    assert abs(own - spread.mean) < 4 * spread.std


def test_the_same_seed_gives_the_same_report():
    one, two = (analyze(network(), inputs(), seed=4).to_dict() for _ in range(2))
    assert one == two
    assert analyze(network(), inputs(), seed=5).to_dict() != one


def test_a_parameter_that_cannot_be_drawn_anew_leaves_that_baseline_out():
    model = network()
    model.register_parameter("extra", nn.Parameter(torch.ones(2)))
    report = analyze(model, inputs())
    assert report.layers[0].baseline("untrained") is None
    assert any("the module of extra has no reset_parameters" in note for note in report.notes)


def test_answers_name_layers_and_baselines():
    report = analyze(network(), inputs())
    assert len(report.answers) == 4
    assert report.answers[0].startswith("Layer 2 (layers.2) holds ")
    one, two = (report.layers[i].baseline("untrained").strong.mean for i in (1, 3))
    assert report.answers[0].endswith(f" Untrained, the step is {two - one:+.3f}.")
    assert "a random vector" in report.answers[1]
    assert report.answers[-1].startswith("As a whole: ")


def test_the_report_is_plain_data():
    report = analyze(network(), inputs())
    again = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert again["unit"] == "nats"
    assert again["layers"][0]["measured"]["strong"]["count"] == 60
    rows = report.rows()
    assert len(rows) == 4 * 6
    assert len({tuple(row) for row in rows}) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": {"layers.9": (3, 4)}}, "the model has no module 'layers.9'"),
        ({"layers": {"layers.0": (3, 5)}}, "expected bodies of 'layers.0' that multiply up to 12"),
        ({"layers": {"layers.1": (3, 5)}}, "that multiply up to its output's last size"),
        ({"layers": {"layers.0": (12,)}}, "expected two or more bodies"),
        ({"layers": {}}, "layers: expected at least one module name"),
        (
            {"control": nn.Sequential(nn.Linear(12, 5), nn.Linear(5, 4))},
            r"of the widths \[12, 12\]",
        ),
        ({"base": 1}, "base: expected a finite number above 1"),
        ({"subsystems": "exact"}, "subsystems: expected one of"),
        ({"max_samples": 0}, "max_samples: expected an integer of at least 1, got 0"),
        ({"baseline_samples": 1}, "baseline_samples: expected at least 2, got 1"),
        ({"untrained_networks": []}, "untrained_networks: expected at least one, got none"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        analyze(network(), inputs(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "runs/mnist"}, "^model: expected a torch.nn.Module, got str$"),
        ({"control": "runs/mlp"}, "^control: expected a torch.nn.Module, got str$"),
        ({"untrained_networks": [1]}, "^untrained_networks: expected a torch.nn.Module, got int$"),
        ({"max_samples": 2.5}, "^max_samples: expected an integer"),
    ],
)
def test_refused_types(options, message):
    with pytest.raises(TypeError, match=message):
        analyze(**{"model": network(), "data": inputs(), **options})


def test_one_sample_makes_no_difference_clear():
    report = analyze(network(), inputs()[:1])
    verdicts = {one.verdict for layer in report.layers for one in layer.comparisons}
    assert verdicts == {"no clear difference"}
    assert "holds neither clearly more nor less strong correlation" in report.answers[0]


def test_a_network_of_kronecker_layers_can_be_the_control():
    report = analyze(network(), inputs(), control=network())
    names = [b.name for b in report.layers[0].baselines]
    assert "control" in names
    assert "mlp" not in names


@pytest.mark.parametrize("data", [[], torch.empty(0, 12), iter([])])
def test_no_data(data):
    with pytest.raises(ValueError, match="data: expected at least one example, got none"):
        analyze(network(), data)


@pytest.mark.parametrize("data", [3, [3], [("a", "b")]])
def test_data_of_another_kind(data):
    with pytest.raises(TypeError, match="data: expected"):
        analyze(network(), data)


def test_a_layer_that_is_never_called():
    model = network()
    model.idle = nn.Linear(4, 4)
    with pytest.raises(ValueError, match="the model never called 'idle'"):
        analyze(model, inputs(), layers={"idle": (2, 2)})
