"""Files of tables with columns of any kind: from cells to a network's inputs and answers."""

import numpy as np
import pandas as pd
import pytest
import torch

from qimlp.data import Scaling, load_table
from qimlp.models import TableNetwork
from qimlp.predictor import Features, Predictor, Preparation, learn_features
from qimlp.settings import resolve_settings

ROWS = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=ROWS).round(6)
CITIES = np.array(["Rom", "Köln", "Oslo"])[RNG.integers(3, size=ROWS)]
DAYS = pd.date_range("2024-01-01", periods=ROWS, freq="D")
WORDS = [f"the fox number {n} jumps and {n % 3} dogs sleep" for n in range(ROWS)]
FRAME = pd.DataFrame(
    {
        "n": NUMBERS,
        "city": CITIES,
        "day": DAYS.strftime("%d.%m.%Y"),
        "ok": np.array(["no", "yes"])[np.arange(ROWS) % 2],
        "words": WORDS,
        "id": [f"id {n}" for n in range(ROWS)],
        "label": np.array(["low", "high"])[(NUMBERS > 0).astype(int)],
    }
)
SETTINGS = resolve_settings({"data": "t.csv", "seed": 1})


def learned(tmp_path, frame=FRAME):
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = load_table(tmp_path / "t.csv")
    return table, *learn_features(SETTINGS, table)


@pytest.fixture
def predictor(tmp_path):
    table, data, features = learned(tmp_path)
    torch.manual_seed(0)
    known = features.table
    network = TableNetwork(known.num_numbers, known.cardinalities, 2, hidden=((4, 4),), members=2)
    return Predictor(
        network.eval(),
        table.task,
        features,
        Scaling.fit("none", data.train, data.feature_shape),
        data.feature_shape,
        label_column="label",
    )


def test_columns_are_learned_on_training_rows_alone(tmp_path):
    table, data, features = learned(tmp_path)
    assert [column.kind for column in features.columns] == [
        "number",
        "category",
        "date",
        "boolean",
        "text",
        "left out",
    ]
    assert features.table.names == ("n", "city", "day", "ok", "words")
    assert features.table.cardinalities == (3,)
    assert data.feature_shape == (features.table.in_features,)
    torch.testing.assert_close(data.train.inputs, features.table.apply(table.train.frame))
    dev = learn_features(SETTINGS.replace(seed=2), table)[1]
    assert dev.table.scaling.centre[0] != features.table.scaling.centre[0]


def test_what_was_learned_is_plain_data(tmp_path):
    _, data, features = learned(tmp_path)
    again = Features.from_dict(features.to_dict())
    assert again == features
    scaling = Scaling.fit("none", data.train, data.feature_shape)
    known = Preparation(data.task, features, scaling, data.feature_shape)
    assert Preparation.from_dict(known.to_dict(), source="a file") == known
    for damaged in ({"columns": 5}, {"columns": [{"name": "n"}]}):
        stored = known.to_dict()
        stored["features"] |= damaged
        with pytest.raises(ValueError, match="a file is damaged: columns"):
            Preparation.from_dict(stored, source="a file")


def test_a_file_and_frames_are_answered_alike(tmp_path, predictor):
    expected = predictor.answers(predictor.features.table.apply(read(tmp_path)))
    new = FRAME.assign(more=1).drop(columns=["label", "id"])[["more", *FRAME.columns[4::-1]]]
    new.to_csv(tmp_path / "new.csv", index=False, sep=";", decimal=",")
    from_file = predictor.predict_proba(tmp_path / "new.csv")
    np.testing.assert_array_equal(from_file, expected)
    for frame in (FRAME, FRAME.to_dict("list")):
        np.testing.assert_array_equal(predictor.predict_proba(frame), expected)


def read(tmp_path):
    table = load_table(tmp_path / "t.csv")
    both = pd.concat([table.train.frame, table.test.frame]).set_index("n", drop=False)
    return both.loc[NUMBERS].reset_index(drop=True)


def test_unseen_and_missing_values_are_answered(tmp_path, predictor):
    row = {"n": "", "city": "Lima", "day": "", "ok": "", "words": ""}
    pd.DataFrame([row]).to_csv(tmp_path / "new.csv", index=False)
    answers = predictor.predict_proba(tmp_path / "new.csv")
    assert answers.shape == (1, 2)
    assert np.isfinite(answers).all()
    pd.DataFrame([{**row, "city": ""}]).to_csv(tmp_path / "new.csv", index=False)
    np.testing.assert_array_equal(predictor.predict_proba(tmp_path / "new.csv"), answers)


def test_labelled_rows_are_evaluated_and_others_left_out(tmp_path, predictor):
    FRAME.assign(label=FRAME["label"].where(FRAME.index != 6), more=1).to_csv(
        tmp_path / "new.csv", index=False
    )
    found = predictor.read(str(tmp_path / "new.csv"), labelled=True)
    wanted = [predictor.task.class_names.index(label) for label in FRAME["label"].drop(6)]
    assert found.labels.tolist() == wanted
    assert [note.partition(": ")[2] for note in found.notes] == [
        "left out 'more', not among the columns of training",
        "left out 1 row without a value of the target 'label', the first is row 7",
    ]
    assert predictor.evaluate_inputs(found).examples == ROWS - 1
    with pytest.raises(ValueError, match=r"new\.csv: has no column 'kind' \(the target\)"):
        predictor.read(str(tmp_path / "new.csv"), labelled=True, label_column="kind")


def test_rows_that_lack_a_column(tmp_path, predictor):
    FRAME.drop(columns="city").to_csv(tmp_path / "new.csv", index=False)
    for table in (str(tmp_path / "new.csv"), FRAME.drop(columns="city")):
        with pytest.raises(ValueError, match="lacks 'city', among the columns of the training"):
            predictor.predict(table)


def test_nothing_to_learn_from(tmp_path):
    frame = pd.DataFrame({"a": [1.0] * (ROWS - 1) + [2.0], "label": FRAME["label"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    tables = (load_table(tmp_path / "t.csv", split_seed=seed) for seed in range(100))
    table = next(table for table in tables if table.train.frame["a"].max() == 1)
    with pytest.raises(ValueError, match="every column is the same in all training rows"):
        learn_features(SETTINGS, table)
