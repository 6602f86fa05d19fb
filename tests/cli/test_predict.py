"""Predictions of trained networks, from options to files."""

import json

import numpy as np
import pyarrow.parquet as pq


def test_predict_without_labels(qimlp, trained, flowers, tmp_path):
    _, out = trained
    lines = [line.rsplit(",", 1) for line in flowers.read_text().splitlines()]
    new = tmp_path / "new.csv"
    new.write_text("\n".join(features for features, _ in lines[:21]) + "\n")
    target = tmp_path / "p.jsonl"
    done = qimlp("predict", out / "flowers-2b" / "seed-1", new, "--out", target)
    assert done.code == 0, done.err
    assert "20 predictions" in done.out
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert sum(r["label"] == label for r, (_, label) in zip(rows, lines[1:], strict=False)) >= 18
    assert all(0.3 < row["probability"] <= 1 for row in rows)
    again = qimlp("predict", out / "flowers-2b" / "seed-1", new, "--out", target)
    assert (again.code, "--overwrite" in again.err) == (2, True)


def test_labels_keep_their_zeros_and_prediction_leaves_them_aside(qimlp, tmp_path):
    random = np.random.default_rng(0)
    rows = [f"{3 * (i % 2) + random.normal():.3f},{i % 7},0{i % 2 + 1}" for i in range(60)]
    (tmp_path / "codes.csv").write_text("\n".join(["a,b,code", *rows]) + "\n")
    done = qimlp(
        *("train", tmp_path / "codes.csv", "--label-column", "code", "--model", "mlp"),
        *("--epochs", 2, "--batch-size", 10, "--device", "cpu", "--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    (tmp_path / "new.csv").write_text("a,code,b\n0.1,,3\n2.9,-7.5,4\n")
    run = tmp_path / "runs" / "codes-mlp" / "seed-0"
    done = qimlp("predict", run, tmp_path / "new.csv", "--out", tmp_path / "predictions.csv")
    assert done.code == 0, done.err
    lines = (tmp_path / "predictions.csv").read_text().splitlines()
    assert {line.split(",")[1] for line in lines[1:]} <= {"01", "02"}


def test_predict_names_image_files_and_the_part(qimlp, pictures, tmp_path):
    done = qimlp(
        *("train", pictures, "--model", "mlp", "--epochs", 2, "--batch-size", 10),
        *("--device", "cpu", "--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    run, target = tmp_path / "runs" / "pictures-mlp" / "seed-0", tmp_path / "p.parquet"
    done = qimlp("predict", run, pictures, "--out", target)
    assert done.code == 0, done.err
    assert done.out == f"4 predictions of the test part in {target}\n"
    files = ["test/dark/0.png", "test/dark/1.png", "test/light/0.png", "test/light/1.png"]
    assert pq.read_table(target).column("file").to_pylist() == files
    done = qimlp("predict", run, pictures / "test" / "dark", "--out", tmp_path / "p.csv")
    assert done.out == f"2 predictions in {tmp_path / 'p.csv'}\n"
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in lines] == [
        ["row", "file"],
        ["1", "0.png"],
        ["2", "1.png"],
    ]
    done = qimlp("predict", run, pictures / "test" / "dark" / "0.png", "--out", tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text().splitlines()[1].startswith("1,0.png,")


def test_predict_says_the_part_of_texts(qimlp, reviews, tmp_path):
    options = ("--text", "tfidf", "--terms", 4, "--model", "mlp", "--epochs", 1, "--device", "cpu")
    assert qimlp("train", reviews, *options, "--out", tmp_path / "runs").code == 0
    (run,) = (tmp_path / "runs").glob("reviews-*/seed-0")
    done = qimlp("predict", run, reviews, "--out", tmp_path / "p.csv")
    assert done.out.startswith("20 predictions of the test part in ")


def test_predict_leaves_its_input_alone(qimlp, trained, flowers):
    before = flowers.read_bytes()
    run = trained[1] / "flowers-2b" / "seed-0"
    done = qimlp("predict", run, flowers, "--out", flowers, "--overwrite")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "is the data to predict" in done.err
    assert flowers.read_bytes() == before
