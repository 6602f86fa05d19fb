"""ONNX files of many networks, of an estimator's folder, and on real images, in ONNX Runtime."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qimlp.data import Scaling, patch_order
from qimlp.estimators import QiMLPClassifier
from qimlp.export import to_onnx
from qimlp.export.onnx.check import run_model
from qimlp.export.onnx.convert import onnx_model
from qimlp.export.runnable.probe import probe
from qimlp.export.runnable.runnable import Runnable
from qimlp.models import QiMLP
from qimlp.predictor import Predictor
from qimlp.tasks import Classification
from tests.estimators.tables import QUICK
from tests.export.subjects import frame, subject

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

SIZES = st.integers(1, 7)


@st.composite
def predictors(draw):
    """Networks of 1 to 4 bodies with any rank, bias, activation, order and scaling."""
    torch.manual_seed(draw(st.integers(0, 2**32)))
    bodies, depth = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dims = [tuple(draw(SIZES) for _ in range(bodies)) for _ in range(depth + 1)]
    network = QiMLP(
        dims,
        rank=draw(st.integers(1, 4)),
        bias=draw(st.sampled_from(["kronecker", "dense", False])),
        activation=draw(st.sampled_from(["gelu", "relu", "silu", "tanh", "identity"])),
    )
    width = network.in_features
    names = tuple(f"class {i}" for i in range(network.out_features))
    groups = draw(st.sampled_from([size for size in range(1, width + 1) if width % size == 0]))
    scaling = Scaling(
        "standardize",
        width,
        tuple(torch.randn(groups).tolist()),
        tuple((torch.rand(groups) + 0.1).tolist()),
    )
    order = tuple(torch.randperm(width).tolist()) if draw(st.booleans()) else None
    offsets = tuple((torch.randn(width) * 1e6).tolist()) if draw(st.booleans()) else None
    return subject(network, Classification(names), scaling=scaling, order=order, offsets=offsets)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(predictors())
def test_any_network(predictor):
    tried = probe(predictor)
    model = onnx_model(Runnable(predictor, compact=True), tried, {})
    assert tried.difference(run_model(model.SerializeToString(), tried)) < 2e-6


def test_an_estimator_from_its_folder_to_a_file(tmp_path):
    table = frame()
    labels = np.where(table["size"].fillna(0) > 3, "large", "small")
    fitted = QiMLPClassifier(**QUICK, max_iter=3).fit(table, labels)
    fitted.save(tmp_path / "estimator")
    to_onnx(Predictor.load(tmp_path / "estimator", device="cpu"), tmp_path / "out", name="net")
    session = onnxruntime.InferenceSession(tmp_path / "out/net.onnx")
    rows = {
        "numbers": table[["size", "time"]].to_numpy(np.float64),
        "categories": table[["colour", "grade"]].astype(str).to_numpy(object),
    }
    (found,) = session.run(["probabilities"], rows)
    np.testing.assert_allclose(found, fitted.predict_proba(table), atol=1e-6)


@pytest.mark.needs_data
def test_real_images(tmp_path):
    network = QiMLP([(28, 28), (28, 28), (2, 5)])
    order = tuple(patch_order((28, 28), (28, 28)).tolist())
    scaling = Scaling("standardize", 784, (33.3,), (78.6,))
    task = Classification(tuple("0123456789"))
    made = subject(network, task, scaling=scaling, shape=(28, 28), order=order)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.5)  # now of unit gain
    report = to_onnx(made, tmp_path / "out", name="net")
    found = made.read("mnist")
    raw = torch.empty_like(found.inputs)
    raw[:, list(order)] = found.inputs
    session = onnxruntime.InferenceSession(tmp_path / "out/net.onnx")
    logits, probabilities = session.run(None, {"x": raw.numpy().astype(np.float32)})
    wanted = torch.cat([made.network(x).detach() for x in made.batches(found.inputs)]).numpy()
    assert len(logits) == 10_000
    assert np.abs(logits - wanted).max() < 1e-6 * np.abs(wanted).max()
    assert (logits.argmax(1) == wanted.argmax(1)).all()
    np.testing.assert_allclose(probabilities, made.answers(found.inputs).numpy(), atol=1e-6)
    assert report.files["net.onnx"] < 25_000
