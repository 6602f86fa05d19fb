"""A finished run on new data."""

import csv
import json
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from qimlp.predictor.predictions import check_not_input, check_predictions_path, write_predictions
from qimlp.tasks import Classification
from qimlp.training import fit, load_run


@pytest.fixture
def result(settings, tmp_path):
    return fit(settings(epochs=6), out=tmp_path / "runs")


@pytest.fixture
def trained(result):
    return load_run(result.folder, device="cpu")


def test_the_own_test_set_gives_the_run_s_own_result(result, trained):
    evaluation = trained.evaluate_test()
    assert evaluation.accuracy == result.test["accuracy"]
    assert evaluation.loss == pytest.approx(result.test["loss"])


def test_probabilities_of_the_own_test_set(result, trained, tiny):
    probabilities = trained.predictor.answers(trained.read(str(tiny)))
    assert probabilities.shape == (30, 3)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(30))
    labels = torch.from_numpy(np.load(tiny)["y_test"])
    assert (probabilities.argmax(dim=1) == labels).double().mean() == result.test["accuracy"]


def test_evaluation_on_another_file(trained, tiny, tmp_path):
    arrays = np.load(tiny)
    np.savez(tmp_path / "part.npz", x=arrays["x_test"][:9], y=arrays["y_test"][:9])
    evaluation = trained.evaluate(str(tmp_path / "part.npz"))
    assert evaluation.examples == 9


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((5, 4, 5), np.float32), "y": np.zeros(5, int)}, "features"),
        ({"x": np.zeros((5, 4, 4), np.float32), "y": np.full(5, 7)}, "7"),
        ({"x": np.zeros((5, 4, 4), np.float32)}, "y"),
        ({"x": np.full((5, 4, 4), np.nan, np.float32), "y": np.zeros(5, int)}, "NaN"),
    ],
)
def test_data_that_does_not_fit(trained, tmp_path, arrays, words):
    path = tmp_path / "other.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=words) as caught:
        trained.evaluate(str(path))
    assert "\n" not in str(caught.value)


def test_changed_data_is_no_test_set(trained, tiny):
    arrays = dict(np.load(tiny))
    arrays["x_test"][0] += 1
    np.savez(tiny, **arrays)
    with pytest.raises(ValueError, match="has changed"):
        trained.evaluate_test()


def test_a_run_without_weights(settings, tmp_path, result):
    for path in (tmp_path / "runs").rglob("best/*"):
        path.unlink()
    with pytest.raises(FileNotFoundError):
        load_run(result.folder, device="cpu")


def test_a_run_with_damaged_weights(result, tmp_path):
    (path,) = (tmp_path / "runs").rglob("best/model.safetensors")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="model.safetensors"):
        load_run(result.folder, device="cpu")


def _number(name, value):
    if name == "row":
        return int(value)
    return float(value) if name.endswith("probability") else value


def read(path):
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [
                {name: _number(name, value) for name, value in row.items()}
                for row in csv.DictReader(file)
            ]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_predictions_on_disk(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    task = Classification(("no", 'ja, "é"'))
    write_predictions(path, task.columns(torch.tensor([[0.25, 0.75], [0.5, 0.5]])))
    assert read(path) == [
        {
            "row": 1,
            "label": 'ja, "é"',
            "probability": 0.75,
            "no probability": 0.25,
            'ja, "é" probability': 0.75,
        },
        {
            "row": 2,
            "label": "no",
            "probability": 0.5,
            "no probability": 0.5,
            'ja, "é" probability': 0.5,
        },
    ]


def test_a_column_of_ids_stands_beside_predictions(tmp_path):
    path = tmp_path / "out.jsonl"
    write_predictions(path, {"y": [0.5, 1.5]}, ids={"row": ["a", None]})
    assert read(path) == [
        {"row": 1, "row (id)": "a", "y": 0.5},
        {"row": 2, "row (id)": None, "y": 1.5},
    ]
    write_predictions(path, {"y": [0.5, 1.5]}, ids={"y": ["a", "b"]})
    assert read(path)[0] == {"row": 1, "y": "a", "y (predicted)": 0.5}


def test_where_predictions_cannot_go(tmp_path):
    with pytest.raises(ValueError, match="ending of .csv, .jsonl, .parquet"):
        check_predictions_path(tmp_path / "a.txt", overwrite=False)
    with pytest.raises(FileNotFoundError, match="make the folder first"):
        check_predictions_path(tmp_path / "none" / "a.csv", overwrite=False)
    (tmp_path / "a.csv").touch()
    with pytest.raises(FileExistsError, match="--overwrite"):
        check_predictions_path(tmp_path / "a.csv", overwrite=False)
    check_predictions_path(tmp_path / "a.csv", overwrite=True)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_predictions_name_the_files_of_images(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    answers = Classification(("no", "yes")).columns(torch.tensor([[0.25, 0.75]]))
    write_predictions(path, answers, ["a/0.png"])
    row = {"row": 1, "file": "a/0.png", "label": "yes", "probability": 0.75}
    row |= {"no probability": 0.25, "yes probability": 0.75}
    assert read(path) == [row]
    assert list(read(path)[0]) == list(row)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_predictions_never_replace_what_they_are_made_of(tmp_path):
    for name in ("train.csv", "test.csv", "other.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "test.csv")
    for source in ("test.csv", "train.csv", "link.csv", ""):
        for out in ("test.csv", "link.csv"):
            with pytest.raises(ValueError, match="is the data to predict"):
                check_not_input(tmp_path / out, str(tmp_path / source), None)
        check_not_input(tmp_path / "other.csv", str(tmp_path / source), None)
        check_not_input(tmp_path / "new.csv", str(tmp_path / source), None)
    (tmp_path / "lines.txt").write_text("a text\n")
    check_not_input(tmp_path / "other.csv", str(tmp_path / "lines.txt"), None)
