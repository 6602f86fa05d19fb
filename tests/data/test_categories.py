"""Columns of a few texts: each text becomes a feature of 1 and 0."""

import numpy as np
import pandas as pd
import pytest

from qimlp.data import load, load_inputs

ROWS = 60
CUTS = np.array(["Good", "Fair", "Ideal=best"])[np.arange(ROWS) % 3]
COLOURS = np.array(["D", "E"])[np.arange(ROWS) % 2]
NUMBERS = np.random.default_rng(0).normal(size=ROWS)
NAMES = ("cut=Fair", "cut=Good", "cut=Ideal=best", "n", "colour=D", "colour=E")
WANTED = np.stack(
    [
        *(name == CUTS for name in ("Fair", "Good", "Ideal=best")),
        NUMBERS,
        *(name == COLOURS for name in ("D", "E")),
    ],
    axis=1,
).astype(np.float32)


def write(tmp_path, kind, **changes):
    columns = {"cut": CUTS, "n": NUMBERS, "colour": COLOURS, "label": np.arange(ROWS) // 3 % 2}
    frame = pd.DataFrame({**columns, **changes})
    if kind == "csv":
        frame.to_csv(tmp_path / "t.csv", index=False)
        return tmp_path / "t.csv"
    if kind == "category":
        frame = frame.astype({"cut": "category"})
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    return tmp_path / "t.parquet"


@pytest.mark.parametrize("kind", ["csv", "parquet", "category", "stream"])
def test_categories_are_features_of_their_own(tmp_path, kind):
    path = write(tmp_path, kind)
    data = load(str(path), streaming=kind == "stream")
    assert data.feature_names == NAMES
    assert data.offsets == ()
    (note,) = data.notes
    assert (
        "texts are read as categories, each a feature of 1 and 0, in 'cut' (3), 'colour' (2)"
        in note
    )
    found = load_inputs(path, (6,), feature_names=NAMES)
    np.testing.assert_array_equal(found.inputs, WANTED)
    if kind == "stream":
        assert (
            data.sample(dev_fraction=0).inputs.sum(dim=0)[0]
            == (WANTED[:, 0] * (np.arange(ROWS) % 5 != 4)).sum()
        )
    else:
        assert len(data.train) + len(data.test) == ROWS


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_unknown_and_missing_categories_are_none_of_them(tmp_path, kind):
    cuts = np.array(["Fair", "Superb", None], dtype=object)
    path = write(tmp_path, kind, cut=cuts[np.arange(ROWS) % 3])
    found = load_inputs(path, (6,), feature_names=NAMES)
    assert found.inputs[:3, :3].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_array_equal(found.inputs[:, 3:], WANTED[:, 3:])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_test_file_has_the_categories_of_train(tmp_path, kind):
    path = write(tmp_path, kind)
    path.rename(path.with_stem("train"))
    path = write(tmp_path, kind, cut="Good")
    path.rename(path.with_stem("test"))
    data = load(str(tmp_path))
    assert data.feature_names == NAMES
    assert data.test.inputs[:, :3].tolist() == [[0, 1, 0]] * ROWS
    missing = write(tmp_path, kind)
    frame = pd.read_csv(missing) if kind == "csv" else pd.read_parquet(missing)
    frame = frame.drop(columns="cut")
    frame.to_csv(missing) if kind == "csv" else frame.to_parquet(missing)
    with pytest.raises(ValueError, match="missing 'cut=Fair', 'cut=Good', 'cut=Ideal=best'"):
        load_inputs(missing, (6,), feature_names=NAMES)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_and_sentences_are_no_categories(tmp_path, kind):
    for texts in ([f"name {n}" for n in range(ROWS)], [f"name {n % 40}" for n in range(ROWS)]):
        path = write(tmp_path, kind, cut=texts)
        with pytest.raises(ValueError, match="column 'cut' holds text: expected numbers or images"):
            load(str(path))
        assert load(str(path), drop_columns=["cut"]).feature_names == NAMES[3:]


def test_columns_named_like_categories(tmp_path):
    path = write(tmp_path, "csv", **{"cut=Good": NUMBERS})
    with pytest.raises(ValueError, match="named like places or categories of other columns"):
        load(str(path))
