"""A run that starts near a linear model of its train part."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from qimlp.data import TensorSplit, load
from qimlp.data.batching.split import dev_rows
from qimlp.functional import nearest_kronecker
from qimlp.models import MLP, QiMLP, load_pretrained
from qimlp.tasks import Classification
from qimlp.tasks.linear_models import ridge, support_vector_machine
from qimlp.training import can_be_stacked, fit, load_run, resolve_settings
from qimlp.training.engine.warm_start import start_near_linear
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.folder import RunFolder

PLAIN = Classification(tuple("abcdef"))
SMOOTHED = Classification(tuple("abcdef"), label_smoothing=0.1)
FULL = 4  # of (4, 4) -> (3, 1): the rearranged weight is 12 by 4


def problem():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 6
    centres = torch.randn(6, 12, generator=generator, dtype=torch.float64)
    noise = torch.randn(90, 12, generator=generator, dtype=torch.float64)
    return centres[labels] + 2 * noise, labels


def linear_outputs(inputs, labels, *, intercept, model="ridge"):
    if model == "svm":
        weight, bias = support_vector_machine(inputs, labels, 6, 0.3, intercept=intercept)
    else:
        targets = one_hot(labels, 6).to(inputs.dtype)
        weight, bias = ridge(inputs, targets, 0.3, intercept=intercept)
    return inputs @ weight.T + (0 if bias is None else bias)


@pytest.mark.parametrize("model", ["ridge", "svm"])
@pytest.mark.parametrize("bias", ["dense", False])
def test_at_full_rank_the_logits_are_the_linear_model_s(bias, model):
    inputs, labels = problem()
    network = QiMLP([(3, 4), (3, 2)], rank=8, bias=bias, dtype=torch.float64)
    start_near_linear(network, inputs, labels, task=SMOOTHED, penalty=0.3, model=model)
    logits = network(inputs).detach()
    outputs = linear_outputs(inputs, labels, intercept=bool(bias), model=model)
    factor = float((logits * outputs).sum() / outputs.square().sum())
    torch.testing.assert_close(logits, factor * outputs, rtol=1e-9, atol=1e-9)

    def loss(scale):
        return cross_entropy(scale * outputs, labels, label_smoothing=0.1)

    assert 1 < factor < 100
    assert loss(factor) <= min(loss(0.999 * factor), loss(1.001 * factor))


def test_with_every_copy_the_logits_come_nearer():
    inputs, labels = problem()
    outputs = linear_outputs(inputs, labels, intercept=True)
    likeness = []
    for rank in (2, 5, 8):
        network = QiMLP([(3, 4), (3, 2)], rank=rank, bias="dense", dtype=torch.float64)
        start_near_linear(network, inputs, labels, task=PLAIN, penalty=0.3)
        logits = network(inputs).detach()
        likeness.append(torch.corrcoef(torch.stack([logits.flatten(), outputs.flatten()]))[0, 1])
    assert likeness == sorted(likeness)
    assert likeness[-1] > 1 - 1e-12
    assert likeness[0] > 0.5


def test_a_kronecker_bias_takes_the_nearest_vectors():
    inputs, labels = problem()
    networks = {}
    for bias in ("dense", "kronecker"):
        networks[bias] = QiMLP([(3, 4), (3, 2)], rank=8, bias=bias, dtype=torch.float64)
        start_near_linear(networks[bias], inputs, labels, task=PLAIN, penalty=0.3)
    dense, kronecker = (network.kronecker_layers[0] for network in networks.values())
    torch.testing.assert_close(kronecker.weight_matrix(), dense.weight_matrix())
    wanted = dense.bias_vector().reshape(3, 2)
    u, s, vh = torch.linalg.svd(wanted)
    nearest = s[0] * torch.outer(u[:, 0], vh[0])
    torch.testing.assert_close(kronecker.bias_vector(), nearest.flatten())


@pytest.mark.parametrize("model", ["ridge", "svm"])
def test_a_dense_layer_is_the_linear_model(model):
    """The control of a multi-body layer: at full rank both start at the same logits."""
    inputs, labels = problem()
    dense = MLP([12, 6], dropout=0, dtype=torch.float64)
    start_near_linear(dense, inputs, labels, task=SMOOTHED, penalty=0.3, model=model)
    full = QiMLP([(3, 4), (3, 2)], rank=8, bias="dense", dtype=torch.float64)
    start_near_linear(full, inputs, labels, task=SMOOTHED, penalty=0.3, model=model)
    torch.testing.assert_close(dense(inputs), full(inputs), rtol=1e-9, atol=1e-9)
    outputs = linear_outputs(inputs, labels, intercept=True, model=model)
    factor = float((dense(inputs).detach() * outputs).sum() / outputs.square().sum())
    torch.testing.assert_close(dense(inputs).detach(), factor * outputs, rtol=1e-9, atol=1e-9)
    assert factor > 1
    with pytest.raises(ValueError, match="expected a network of one layer, got 2 layers"):
        start_near_linear(MLP([12, 8, 6]), inputs, labels, task=PLAIN, penalty=0.3)


@pytest.mark.parametrize("network", [{"model": "mlp", "dims": "16,3", "dropout": 0}, {}])
@pytest.mark.parametrize("start", ["ridge", "svm"])
def test_a_run_starts_there(settings, tmp_path, start, network):
    layer = {"dims": "4x4,3x1", "rank": FULL, "bias": "dense", **network}
    chosen = settings(**layer, start=start, epochs=1, lr=1e-9, ema_decay=None)
    result = fit(chosen, out=tmp_path / "runs")
    network = load_pretrained(RunFolder(result.folder).best)
    inputs, labels = TrainingData(chosen).train_features()
    if start == "svm":
        weight, bias = support_vector_machine(inputs, labels, 3, chosen.start_penalty)
    else:
        weight, bias = ridge(inputs, one_hot(labels, 3).float(), chosen.start_penalty)
    expected = (inputs.double() @ weight.T + bias).argmax(1)
    assert torch.equal(network(inputs).argmax(1), expected)
    assert result.dev["accuracy"] > 0.8
    assert RunFolder(result.folder).path.parent.name.endswith(f"{start}-start")


def test_the_start_is_learned_on_the_train_part_alone(settings):
    chosen = settings(dims="4x4,3x1", start="ridge", seed=3)
    loaded = load(chosen.data, streaming=False)
    train, dev = dev_rows(loaded.train.labels, 0.2, seed=3)
    inputs, labels = TrainingData(chosen, loaded).train_features()
    assert inputs.shape == (80, 16)
    assert torch.equal(labels, loaded.train.labels[train])
    changed = TensorSplit(loaded.train.inputs.clone(), loaded.train.labels.clone())
    changed.inputs[dev] += 5
    changed.labels[dev] = 0
    test = TensorSplit(loaded.test.inputs + 5, loaded.test.labels)
    other = TrainingData(chosen, replace(loaded, train=changed, test=test))
    assert torch.equal(other.train_features()[0], inputs)
    assert torch.equal(other.train_features()[1], labels)


@pytest.mark.parametrize("start", ["ridge", "svm"])
def test_an_order_nearest_to_the_linear_model(settings, tmp_path, start):
    """It fits the start better, travels with the run, and is learned on the train part alone."""
    common = {"dims": "4x4,3x1", "bias": "dense", "start": start, "epochs": 1, "lr": 1e-9}
    chosen = settings(**common, order="nearest")
    plain = settings(**common)
    assert chosen.label == f"2b-4x4-3x1-dense-bias-nearest-order-{start}-start"
    errors = []
    for one in (chosen, plain):
        inputs, labels = TrainingData(one).train_features()
        weight, _ = Classification(tuple("abc")).fit_linear(
            inputs, labels, penalty=one.start_penalty, model=start, intercept=True
        )
        errors.append(float(nearest_kronecker(weight, (4, 4), (3, 1), 1)[1]))
    assert errors[0] < 0.95 * errors[1]
    run = load_run(fit(chosen, out=tmp_path / "runs").folder, device="cpu")
    assert run.evaluate(chosen.data).accuracy == run.evaluate_test().accuracy
    assert (
        sorted(run.predictor.features.order)
        == list(range(16))
        != list(run.predictor.features.order)
    )

    loaded = load(chosen.data, streaming=False)
    _, dev = dev_rows(loaded.train.labels, 0.2, seed=chosen.seed)
    changed = TensorSplit(loaded.train.inputs.clone(), loaded.train.labels.clone())
    changed.inputs[dev] += 5
    changed.labels[dev] = 0
    other = TrainingData(chosen, replace(loaded, train=changed))
    assert other.features.order == run.predictor.features.order


def test_it_is_not_stacked(settings):
    plain = {"dims": "4x4,3x1"}
    assert can_be_stacked(settings(**plain))
    assert not can_be_stacked(settings(**plain, start="ridge"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "ridge"}, "expected a network of one layer, got 2"),
        ({"start": "ridge", "order": "nearest"}, "order nearest: expected a network of one layer"),
        ({"start": "ridge", "dims": "4x4,3x1", "streaming": True}, "turn streaming off"),
    ],
)
def test_a_run_that_cannot_start_there_is_refused(settings, tmp_path, changes, message):
    chosen = settings(**changes)
    with pytest.raises(ValueError, match=message) as caught:
        fit(chosen, out=tmp_path / "runs")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "low-rank"}, "expected a multi-body network or an mlp .*got model 'low-rank'"),
        ({"model": "mlp", "order": "nearest"}, "is of Kronecker sums: .*got model 'mlp'"),
        ({"text": "encoder", "finetune": True}, "got model '2b' with finetune"),
        ({"starts": 3}, "expected restarts 1 with warm_start ridge, got 3"),
        ({"start_penalty": 0}, "start_penalty"),
        ({"start": "random", "order": "nearest"}, "expected warm_start ridge or svm, got random"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        resolve_settings({"start": "ridge", **options})


@pytest.mark.parametrize("order", ["nearest", "spectral", "columns"])
def test_an_order_of_an_image_s_pixels_leaves_the_scaling_alone(order):
    chosen = {"data": "digits", "model": "2b", "depth": 1, "start": "ridge", "bias": "dense"}
    plain = TrainingData(resolve_settings(chosen))
    ordered = TrainingData(resolve_settings({**chosen, "order": order}))
    assert len(ordered.scaling.shift) == len(plain.scaling.shift) == 1
    assert ordered.scaling.shift == pytest.approx(plain.scaling.shift)
    assert ordered.scaling.scale == pytest.approx(plain.scaling.scale)
