"""Networks that answer several labels or quantiles: saved, evaluated, predictions written."""

import csv
import json

import numpy as np
import pytest
import torch

from qimlp.data import Scaling
from qimlp.models import MLP
from qimlp.predictor import Features, Predictor, write_predictions
from qimlp.tasks import LossOptions, MultiLabel, Quantiles

NUMBERS = np.random.default_rng(0).normal(size=(40, 2))
LABELS = (NUMBERS > [0.0, 1.0]).astype(int)
PRICES = 100 + 10 * NUMBERS[:, :1]


def predictor(task, folder):
    """A linear network with weights of its own, saved and loaded again."""
    network = MLP([2, task.num_outputs], dropout=0.0)
    made = Predictor(
        network.eval(), task, Features(), Scaling("none", 2, (0.0,), (1.0,)), (2,), ("a", "b")
    )
    made.save(folder)
    return Predictor.load(folder, device="cpu")


def table(path, names, columns):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", *names])
        writer.writerows(np.column_stack([NUMBERS.astype(object), columns]))
    return str(path)


@pytest.fixture
def labels(tmp_path):
    torch.manual_seed(0)
    return predictor(MultiLabel(("up", "far")), tmp_path / "labels")


@pytest.fixture
def quantiles(tmp_path):
    torch.manual_seed(0)
    task = Quantiles.of(("price",), (0.1, 0.5, 0.9))
    task = task.fitted(torch.from_numpy(PRICES), LossOptions())
    return predictor(task, tmp_path / "quantiles")


def test_labels_are_evaluated_from_their_columns(labels, tmp_path):
    source = table(tmp_path / "rows.csv", ("up", "far"), LABELS)
    found = labels.evaluate(source)
    said = labels.predict(NUMBERS)
    assert said.shape == (40, 2)
    np.testing.assert_array_equal(said, labels.predict_proba(NUMBERS) > 0.5)
    assert found.metrics["subset_accuracy"] == (said == LABELS).all(axis=1).mean()
    np.testing.assert_array_equal(labels.predict(source), said)


def test_labels_that_are_not_0_or_1_are_refused_by_file_row_and_name(labels, tmp_path):
    wrong = LABELS.copy()
    wrong[4, 1] = 3
    source = table(tmp_path / "rows.csv", ("up", "far"), wrong)
    with pytest.raises(ValueError, match=r"rows\.csv: row 5, label 'far': expected 0 or 1, got 3"):
        labels.evaluate(source)


def test_quantiles_are_evaluated_from_their_target(quantiles, tmp_path):
    source = table(tmp_path / "rows.csv", ("price",), PRICES)
    found = quantiles.evaluate(source)
    answers = quantiles.answers(torch.from_numpy(NUMBERS).float()).numpy()
    assert answers.shape == (40, 3)
    inside = (answers[:, :1] <= PRICES) & (answers[:, 2:] >= PRICES)
    assert found.metrics["coverage"] == inside.mean()
    np.testing.assert_array_equal(quantiles.predict(NUMBERS), answers[:, 1])
    with pytest.raises(ValueError, match="a quantile-regression has no classes"):
        quantiles.predict_proba(NUMBERS)


def test_predictions_have_a_column_for_each_label_and_quantile(labels, quantiles, tmp_path):
    for made, names in (
        (labels, ["up", "up probability", "far", "far probability"]),
        (quantiles, ["price q0.1", "price q0.5", "price q0.9"]),
    ):
        answers = made.answers(torch.from_numpy(NUMBERS).float())
        out = tmp_path / "out.jsonl"
        write_predictions(out, made.task.columns(answers))
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert len(rows) == 40
        assert list(rows[0])[1:] == names
        written = np.array([[row[name] for name in names] for row in rows])
        wanted = answers.numpy()
        if made is labels:
            wanted = np.stack([made.predict(NUMBERS), wanted], axis=-1).reshape(40, 4)
        np.testing.assert_allclose(written, wanted, rtol=1e-12)
