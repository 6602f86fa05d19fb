"""Runs on texts and on ordered features: learned on the train part, stored, applied again."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from qimlp.data.batching.split import dev_rows
from qimlp.training import fit, load_run, resolve_settings, resume
from qimlp.training.opening.source import load_data
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.folder import RunFolder

TOPICS = ("apple pear plum fruit tree", "goal ball team match win", "chip code bug disk byte")


@pytest.fixture
def texts(tmp_path):
    random = np.random.default_rng(0)
    folder = tmp_path / "topics"
    folder.mkdir()
    for part, count in (("train", 90), ("test", 30)):
        labels = np.arange(count) % 3
        rows = [" ".join(random.choice(TOPICS[label].split(), 6)) for label in labels]
        rows = [f"{row} {part}{i}" for i, row in enumerate(rows)]
        pq.write_table(pa.table({"text": rows, "label": labels}), folder / f"{part}.parquet")
    return folder


def settings(data, **changes):
    common = {"data": str(data), "epochs": 4, "batch_size": 10, "device": "cpu"}
    return resolve_settings({**common, **changes})


def test_a_run_on_texts_learns_and_predicts(texts, tmp_path):
    chosen = settings(texts, text="tfidf", terms=16, scaling="overall", order="spectral", epochs=10)
    result = fit(chosen, out=tmp_path / "runs")
    assert result.test["accuracy"] > 0.9
    run = load_run(result.folder, device="cpu")
    assert run.evaluate_test().accuracy == result.test["accuracy"]
    assert run.evaluate(str(texts)).accuracy == result.test["accuracy"]
    assert run.predictor.answers(run.read(str(texts))).shape == (30, 3)
    assert run.predictor.features.order is not None
    assert sorted(run.predictor.features.order) == list(range(16))


@pytest.mark.parametrize("terms_by", ["frequency", "svm"])
@pytest.mark.parametrize("by", ["random", "blocks"])
def test_terms_and_order_are_learned_on_the_train_part_alone(texts, by, terms_by):
    where = {"terms_by": terms_by, "dev_split": by}
    chosen = settings(texts, text="tfidf", terms=500, order="spectral", seed=3, **where)
    loaded = load_data(chosen)
    terms = TrainingData(chosen, loaded).features.terms.terms
    train, dev = dev_rows(loaded.labels("train"), 0.2, seed=3, by=by)
    assert {f"train{row}" for row in train.tolist()} <= set(terms)
    assert not {f"train{row}" for row in dev.tolist()} & set(terms)
    assert not any(term.startswith("test") for term in terms)


def test_terms_that_tell_the_classes_travel_with_the_model(texts, tmp_path):
    common = {"text": "tfidf", "terms": 6, "scaling": "overall", "epochs": 8}
    result = fit(settings(texts, **common, terms_by="svm"), out=tmp_path / "runs")
    assert result.label == "2b-svm-terms"
    run = load_run(result.folder, device="cpu")
    assert run.evaluate(str(texts)).accuracy == result.test["accuracy"]
    plain = TrainingData(settings(texts, **common), load_data(settings(texts, **common)))
    assert run.predictor.features.terms.terms != plain.features.terms.terms
    with pytest.raises(ValueError, match="terms_by svm .* expected text tfidf, got encoder"):
        settings(texts, text="encoder", terms_by="svm")


@pytest.mark.parametrize("order", ["spectral", "grid"])
def test_an_order_of_table_features_is_applied_again(tiny, tmp_path, order):
    chosen = settings(tiny, dims="4x4,4x4,3x1", order=order)
    result = fit(chosen, out=tmp_path / "runs")
    run = load_run(result.folder, device="cpu")
    assert run.evaluate(str(tiny)).accuracy == result.test["accuracy"]
    plain = load_run(fit(settings(tiny, dims="4x4,4x4,3x1"), out=tmp_path / "plain").folder)
    assert not torch.equal(run.read(str(tiny)), plain.read(str(tiny)))
    assert result.label == f"2b-4x4-4x4-3x1-{order}-order"
    stored = json.loads((Path(result.folder) / "preprocess.json").read_text())
    assert stored["features"]["order"] == list(run.predictor.features.order)


def test_pixels_in_patches_are_put_in_order_again(tmp_path):
    chosen = settings("digits", dims="4x16,4x4,2x5", order="patches")
    result = fit(chosen, out=tmp_path / "runs")
    run = load_run(result.folder, device="cpu")
    assert run.evaluate("digits").accuracy > 0.6  # pixels in another order: about chance
    plain = load_run(fit(settings("digits", dims="4x16,4x4,2x5"), out=tmp_path / "plain").folder)
    # The first patch: rows 0 to 3, columns 0 to 3 of 8 x 8 pixels.
    first = [8 * row + column for row in range(4) for column in range(4)]
    assert torch.equal(run.read("digits")[:, :16], plain.read("digits")[:, first])
    assert run.predictor.scaling.scale == pytest.approx(
        plain.predictor.scaling.scale
    )  # one of all pixels
    assert result.label == "2b-4x16-4x4-2x5-patches-order"


def test_a_run_on_texts_can_be_resumed(texts, tmp_path):
    chosen = settings(texts, text="tfidf", terms=16, scaling="overall")
    straight = fit(chosen, out=tmp_path / "runs")
    RunFolder(straight.folder).result_file.unlink()
    assert resume(straight.folder).test["accuracy"] == straight.test["accuracy"]


def test_data_and_settings_must_fit(texts, tiny):
    with pytest.raises(ValueError, match="holds no texts|Parquet"):
        TrainingData(settings(tiny, text="tfidf"))
    with pytest.raises(ValueError, match="holds texts: set text to tfidf or encoder"):
        TrainingData(settings(texts), load_data(settings(texts, text="tfidf")))


def test_the_watched_test_set_decides_nothing(tiny, tmp_path):
    plain = fit(settings(tiny, dims="4x4,4x4,3x1"), out=tmp_path / "plain")
    watched = fit(settings(tiny, dims="4x4,4x4,3x1", watch_test=True), out=tmp_path / "watched")
    assert watched.dev_curve == plain.dev_curve
    assert watched.test["accuracy"] == plain.test["accuracy"]
    epochs = RunFolder(watched.folder).read_metrics()
    assert epochs[watched.best_epoch - 1]["test"] == watched.test
    assert {epoch["test"] for epoch in RunFolder(plain.folder).read_metrics()} == {None}
