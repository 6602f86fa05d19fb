"""An ONNX file answers raw rows as the predictor does."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from qimlp.data import Scaling, TermWeights
from qimlp.export.onnx import to_onnx as module
from qimlp.export.onnx.check import run_model
from qimlp.export.onnx.to_onnx import to_onnx
from qimlp.models import MLP, CompressedNetwork, LayerSpec, QiMLP
from tests.export.subjects import NAMES, NETWORKS, TASKS, frame, subject, table_subject

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def session(folder, name="qimlp_network"):
    return onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])


def run(folder, **inputs):
    ready = session(folder)
    names = [each.name for each in ready.get_outputs()]
    return dict(zip(names, ready.run(names, inputs), strict=True))


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("name", ["two bodies", "one body", "low rank"])
def test_networks_with_order_and_a_scale_of_each_feature(name, tmp_path):
    order = tuple(torch.randperm(12).tolist())
    scaling = Scaling("standardize", 12, tuple(map(float, range(12))), (0.5, 2.0) * 6)
    predictor = subject(NETWORKS[name](), order=order, scaling=scaling)
    to_onnx(predictor, tmp_path / "out")
    for rows in (1, 2, 50):
        x = np.random.default_rng(0).normal(5, 3, size=(rows, 12)).astype(np.float32)
        found = run(tmp_path / "out", x=x)
        assert list(found) == ["logits", "probabilities"]
        close(found["probabilities"], predictor.predict_proba(x))
        ordered = predictor.features.ordered(torch.from_numpy(x))
        close(found["logits"], predictor.network(scaling.apply(ordered)).detach().numpy())


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_answers_are_in_the_terms_of_the_task(task, tmp_path):
    predictor = subject(QiMLP([(3, 4), (2, 2)]), task)
    report = to_onnx(predictor, tmp_path / "out")
    x = np.random.default_rng(0).normal(size=(9, 12)).astype(np.float32)
    found = run(tmp_path / "out", x=x)
    answers = predictor.answers(torch.from_numpy(x)).numpy()
    if task.answers_are_probabilities:
        assert list(found) == ["logits", "probabilities"]
        close(found["probabilities"], answers)
        assert report.details["outputs"][1]["columns"] == list(NAMES)
    else:
        assert list(found) == ["values"]
        assert found["values"].dtype == np.float64
        close(found["values"], answers)
    if task is TASKS["quantiles"]:
        assert report.details["outputs"][0]["columns"] == ["x q0.1", "x q0.9", "y q0.1", "y q0.9"]


def test_images_with_a_scale_of_each_channel(tmp_path):
    scaling = Scaling("standardize", 12, (100.0, 120.0, 90.0), (50.0, 60.0, 70.0))
    predictor = subject(MLP([12, 4]), scaling=scaling, shape=(3, 2, 2))
    to_onnx(predictor, tmp_path / "out")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 12)).astype(np.uint8)
    found = run(tmp_path / "out", x=pixels.astype(np.float32))
    close(found["probabilities"], predictor.predict_proba(pixels))
    known = json.loads((tmp_path / "out/qimlp_network.json").read_text())
    assert known["inputs"] == [
        {"name": "x", "dtype": "float32", "shape": ["n", 12], "feature_shape": [3, 2, 2]}
    ]


def test_large_numbers_close_together_stay_apart(tmp_path):
    offsets = (1.7e9, *[0.0] * 11)
    predictor = subject(MLP([12, 4]), offsets=offsets)
    report = to_onnx(predictor, tmp_path / "out")
    x = np.random.default_rng(0).normal(size=(5, 12)) + np.array(offsets)
    close(run(tmp_path / "out", x=x)["probabilities"], predictor.predict_proba(x))
    assert "x is float64" in str(report)


def test_a_compressed_network(tmp_path):
    layers = {
        "layers.0": LayerSpec("kronecker", (3, 4), (2, 3), 2, "dense"),
        "layers.2": LayerSpec("low_rank", (1, 6), (4, 1), 2, "dense"),
    }
    specs = {name: spec.to_dict() for name, spec in layers.items()}
    network = CompressedNetwork(MLP([12, 6, 4]).config, specs)
    predictor = subject(network)
    to_onnx(predictor, tmp_path / "out")
    x = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    close(run(tmp_path / "out", x=x)["probabilities"], predictor.predict_proba(x))


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_table_takes_its_raw_columns(task, tmp_path):
    table = frame()
    predictor = table_subject(table, task, linear_skip=task.answers_are_probabilities)
    report = to_onnx(predictor, tmp_path / "out")
    table.loc[3, "colour"] = "violet"  # never seen
    table.loc[4, "time"] = 1.9e9  # far away
    numbers = table[["size", "time"]].to_numpy(np.float64)
    texts = table[["colour", "grade"]].astype(str).to_numpy(object)
    texts[5] = ""
    table.loc[5, ["colour", "grade"]] = None
    found = run(tmp_path / "out", numbers=numbers, categories=texts)
    close(
        list(found.values())[-1], predictor.answers(predictor.features.table.apply(table)).numpy()
    )
    inputs = report.details["inputs"]
    assert [each["columns"] for each in inputs] == [["size", "time"], ["colour", "grade"]]
    assert [each["dtype"] for each in inputs] == ["float64", "string"]
    assert report.details["categories"]["grade"] == {"1": 1, "2": 2, "3": 3}
    assert "1 column that told nothing is no input" in str(report)


@pytest.mark.parametrize("columns", [["size", "time"], ["colour"], ["size"]])
def test_a_table_of_numbers_or_of_categories_alone(columns, tmp_path):
    table = frame()[columns]
    predictor = table_subject(table)
    to_onnx(predictor, tmp_path / "out")
    inputs = {}
    if columns == ["colour"]:
        inputs["categories"] = table.to_numpy(object)
    else:
        inputs["numbers"] = table.to_numpy(np.float64)
    features = predictor.features.table.apply(table)
    close(run(tmp_path / "out", **inputs)["probabilities"], predictor.answers(features).numpy())


def test_the_same_predictor_gives_the_same_bytes_and_nothing_of_this_machine(tmp_path):
    for out in ("one", "two"):
        to_onnx(subject(QiMLP([(3, 4), (2, 5), (2, 2)])), tmp_path / out, name="net")
    first, second = ((tmp_path / out / "net.onnx").read_bytes() for out in ("one", "two"))
    assert first == second
    assert b"/" not in first.replace(b"ai.onnx", b"")
    model = onnx.load_from_string(first)
    assert model.opset_import[0].version == 20
    assert json.loads({each.key: each.value for each in model.metadata_props}["class_names"]) == [
        *NAMES
    ]
    for node in model.graph.node:
        assert not node.metadata_props
        assert not node.doc_string
        assert not node.name
    other = subject(QiMLP([(3, 4), (2, 5), (2, 2)]))
    with torch.no_grad():
        other.network.layers[0].factors[0][0, 0, 0] += 1e-3
    report = to_onnx(other, tmp_path / "three", name="net")
    known = json.loads((tmp_path / "one/net.json").read_text())
    assert report.details["fingerprint"] != known["fingerprint"]


def test_a_file_holds_the_parameters_and_little_else(tmp_path):
    network = QiMLP([(28, 28), (28, 28), (2, 5)])
    report = to_onnx(
        subject(network, TASKS["classes"].__class__(tuple("0123456789"))), tmp_path / "o"
    )
    weights = 4 * sum(parameter.numel() for parameter in network.parameters())
    assert report.files["qimlp_network.onnx"] < weights + 1700
    model = onnx.load(tmp_path / "o/qimlp_network.onnx")
    ops = [node.op_type for node in model.graph.node]
    assert ops.count("MatMul") == 2
    assert not {"Transpose", "Shape", "Cast", "Concat", "Constant"} & set(ops)


def test_what_cannot_be_exported_is_refused_in_one_line_and_leaves_nothing(tmp_path):
    network = QiMLP([(3, 4), (2, 2)])
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="name: expected a letter"):
        to_onnx(subject(network), out, name="no name")
    dates = frame().assign(day=pd.Timestamp("2026-01-01") + pd.to_timedelta(range(60), "D"))
    with pytest.raises(ValueError, match=r"the column 'day' of dates, which is not exported"):
        to_onnx(table_subject(dates), out)
    broken = subject(QiMLP([(3, 4), (2, 2)]))
    with torch.no_grad():
        broken.network.layers[0].factors[0][:] = float("nan")
    with pytest.raises(ValueError, match="not finite; train it anew"):
        to_onnx(broken, out)
    with pytest.raises(ValueError, match="expected a network of kind qimlp, mlp"):
        to_onnx(subject(Other()), out)
    assert not list(tmp_path.iterdir())
    out.mkdir()
    with pytest.raises(FileExistsError, match="exists; choose another folder"):
        to_onnx(subject(network), out)


class Other(torch.nn.Linear):
    def __init__(self):
        super().__init__(12, 4)


def test_a_file_that_answers_otherwise_is_not_put_in_place(tmp_path, monkeypatch):
    def wrong(content, tried):
        return {name: values + 1e-3 for name, values in run_model(content, tried).items()}

    monkeypatch.setattr(module, "run_model", wrong)
    with pytest.raises(ValueError, match=r"answers otherwise than the network, by 1\.0e-03"):
        to_onnx(subject(MLP([12, 4])), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_head_of_a_network_on_texts(tmp_path):
    terms = TermWeights.fit(["a red fox", "a blue sky", "red sky", "the sky and the fox"], 6)
    predictor = subject(MLP([6, 4]), terms=terms, order=(5, 4, 3, 2, 1, 0))
    with pytest.raises(ValueError, match="made by TF-IDF, which is not exported; ask for"):
        to_onnx(predictor, tmp_path / "out")
    report = to_onnx(predictor, tmp_path / "out", head=True)
    assert "the TF-IDF terms stayed behind" in str(report)
    texts = ["a fox", "the red sky"]
    found = run(tmp_path / "out", x=terms.apply(texts).numpy())
    close(found["probabilities"], predictor.predict_proba(texts))


def test_nothing_is_printed(tmp_path, capfd):
    to_onnx(subject(MLP([12, 4])), tmp_path / "out")
    assert capfd.readouterr() == ("", "")


def test_a_missing_package_is_named_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(ImportError, match=r"needs onnxruntime, .* pip install \"qimlp\[export\]\""):
        to_onnx(subject(MLP([12, 4])), tmp_path / "out")
    assert not list(tmp_path.iterdir())
