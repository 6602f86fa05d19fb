"""Everything that predicts: loaded, fed with rows of every form, saved."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch

from qimlp.predictor import Predictor
from qimlp.tasks import Classification
from qimlp.training import fit, load_run


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A table with names, in units far from float32's reach, as a run for each task."""
    folder = tmp_path_factory.mktemp("tables")
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4)) * [1, 1e-3, 5, 2] + [0, 1.7e9, 3, 0]
    kind = np.where(x[:, 1] > 1.7e9, "late", "early")
    amount = x[:, 0] * 2 - x[:, 2]
    for name, answer in (("kind", kind), ("amount", amount)):
        rows = zip(x.tolist(), answer, strict=True)
        lines = [",".join([*map(repr, row), str(given)]) for row, given in rows]
        (folder / f"{name}.csv").write_text("\n".join(["a,b,c,d,label", *lines]) + "\n")
    return folder, x, kind, amount


@pytest.fixture(scope="module")
def runs(tables):
    from qimlp.training import resolve_settings

    folder = tables[0]
    quick = {"device": "cpu", "threads": 1, "epochs": 40, "lr": 0.02, "batch_size": 20}
    return {
        name: fit(
            resolve_settings({"data": str(folder / f"{name}.csv"), "dims": dims, **quick}),
            out=folder / "runs",
        ).folder
        for name, dims in (("kind", "2x2,4x4,2x1"), ("amount", "2x2,4x4,1x1"))
    }


def forms(x):
    """The same rows as an array, a tensor, and tables whose columns have another order."""
    columns = {name: x[:, "abcd".index(name)] for name in "dcba"}
    return {
        "array": x,
        "tensor": torch.from_numpy(x),
        "mapping": {**columns, "more": x[:, 0]},
        "arrow": pa.table(columns),
    }


def test_rows_of_every_form_get_the_same_answers(runs, tables):
    folder, x, kind, amount = tables
    classes, numbers = (Predictor.load(runs[name], device="cpu") for name in ("kind", "amount"))
    from_file = classes.predict(str(folder / "kind.csv"))
    assert (from_file == kind).mean() > 0.9
    values = numbers.predict(x)
    assert values.shape == (200,)
    assert 1 - np.square(values - amount).mean() / amount.var() > 0.95
    for form, table in forms(x).items():
        assert (classes.predict(table) == from_file).all(), form
        assert np.array_equal(numbers.predict(table), values), form
    probabilities = classes.predict_proba(x)
    assert probabilities.shape == (200, 2)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(200))
    names = np.array(classes.task.class_names)
    assert (names[probabilities.argmax(axis=1)] == from_file).all()


def test_a_saved_predictor_answers_the_same_without_its_run(runs, tables, tmp_path):
    x = tables[1]
    for name, run in runs.items():
        predictor = Predictor.load(run, device="cpu")
        predictor.save(tmp_path / name)
        again = Predictor.load(tmp_path / name, device="cpu")
        assert np.array_equal(again.predict(x), predictor.predict(x))
        assert (again.task, again.scaling, again.feature_names) == (
            predictor.task.plain(),
            predictor.scaling,
            ("a", "b", "c", "d"),
        )
        names = {file.name for file in (tmp_path / name).iterdir()}
        assert names == {"model.safetensors", "config.json", "preprocess.json"}


def test_it_evaluates_as_its_run_did(runs, tables):
    run = load_run(runs["amount"], device="cpu")
    evaluation = run.predictor.evaluate(str(tables[0] / "amount.csv"))
    assert evaluation.examples == 200
    assert evaluation.metrics["r2"] > 0.95
    assert run.evaluate_test().metrics == pytest.approx(
        json.loads((tables[0] / "runs").glob("amount*/seed-0/result.json").__next__().read_text())[
            "test"
        ]
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((3, 5)), r"expected shape \(n, 4\)"),
        (np.zeros(4), r"expected shape \(n, 4\)"),
        (np.full((2, 4), np.nan), "finite numbers"),
        (np.array([["a"] * 4]), "expected numbers"),
        ({"a": [1.0], "b": [2.0]}, "lacks the columns 'c', 'd'"),
        ({name: ["x"] for name in "abcd"}, "column 'a': expected numbers"),
    ],
)
def test_rows_that_do_not_fit_are_refused(runs, table, message):
    with pytest.raises(ValueError, match=message):
        Predictor.load(runs["kind"], device="cpu").predict(table)


def test_regression_has_no_probabilities(runs):
    with pytest.raises(ValueError, match="a regression has no classes; use predict"):
        Predictor.load(runs["amount"], device="cpu").predict_proba(np.zeros((1, 4)))


def test_answers_that_are_no_numbers_are_refused(runs, tables):
    predictor = Predictor.load(runs["kind"], device="cpu")
    with torch.no_grad():
        next(predictor.network.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match="answer to row 1 is not a finite number"):
        predictor.predict(tables[1])
    with pytest.raises(ValueError, match="answers are not finite numbers"):
        predictor.evaluate(str(tables[0] / "kind.csv"))


def test_a_run_of_an_earlier_version_is_read(runs, tmp_path, tables):
    """It had classes in place of a task."""
    Predictor.load(runs["kind"], device="cpu").save(tmp_path)
    path = tmp_path / "preprocess.json"
    stored = json.loads(path.read_text())
    earlier = {key: value for key, value in stored.items() if key not in ("task", "label_column")}
    path.write_text(json.dumps({**earlier, "class_names": stored["task"]["class_names"]}))
    assert Predictor.load(tmp_path, device="cpu").task == Classification(("early", "late"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": {"kind": "other"}}, "kind: expected one of"),
        ({"feature_shape": [5]}, "feature_shape: expected a product of 4"),
        ({"feature_shape": []}, "feature_shape"),
        ({"features": {"order": [0, 0, 1, 2]}}, "order: expected each feature's number once"),
        ({"scaling": None}, "scaling"),
        ({"extra": 1}, "extra: unknown key"),
        ({"feature_names": [1]}, "feature_names"),
    ],
)
def test_a_damaged_preparation_is_one_line(runs, tmp_path, change, message):
    Predictor.load(runs["kind"], device="cpu").save(tmp_path)
    path = tmp_path / "preprocess.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=message) as caught:
        Predictor.load(tmp_path, device="cpu")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
