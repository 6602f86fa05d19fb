import numpy as np
import pytest
from PIL import Image

from qimlp.data import load_inputs
from qimlp.tasks import Classification

SHAPE = (2,)
TASK = Classification(("x", "y"))
NAMES = ("a", "b")


def test_unlabelled_table_in_any_order_of_columns(write_csv):
    inputs = load_inputs(write_csv("b,a\n1,2\n"), SHAPE, task=TASK, feature_names=NAMES)
    assert inputs.inputs.tolist() == [[2.0, 1.0]]
    assert inputs.labels is None


def test_labelled_table(write_csv):
    path = write_csv("a,b,label\n1,2,y\n3,4,x\n")
    inputs = load_inputs(path, SHAPE, task=TASK, feature_names=NAMES)
    assert inputs.labels.tolist() == [1, 0]
    assert load_inputs(path, SHAPE).labels is None


@pytest.mark.parametrize("label", ["", "-3", "0.5", "nan"])
def test_labels_that_are_not_needed_may_be_anything(write_csv, label):
    found = load_inputs(write_csv(f"a,b,label\n1,2,{label}\n3,4,x\n"), SHAPE, feature_names=NAMES)
    assert found.inputs.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert found.labels is None


def test_archives_whose_labels_are_not_needed(tmp_path):
    path = tmp_path / "t.npz"
    for labels in (np.full(7, -1), np.zeros(3), np.full(7, np.nan)):
        np.savez(path, x=np.zeros((7, 2)), y=labels)
        assert load_inputs(path, SHAPE).labels is None
        with pytest.raises(ValueError, match="label"):
            load_inputs(path, SHAPE, task=TASK, labels_required=True)


def test_the_test_split_where_there_is_one(image_folder_of_parquet):
    inputs = load_inputs(image_folder_of_parquet, (4, 5), task=Classification(("a", "b", "c")))
    assert inputs.inputs.shape == (10, 20)
    assert inputs.labels.tolist() == [row % 3 for row in range(30, 40)]


def test_all_of_what_is_not_split(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.zeros((7, 2)))
    assert len(load_inputs(tmp_path / "t.npz", SHAPE).inputs) == 7
    assert len(load_inputs("digits", (8, 8)).inputs) == 1797


def test_one_image(tmp_path):
    Image.fromarray(np.full((2, 3), 7, np.uint8)).save(tmp_path / "one.png")
    assert load_inputs(tmp_path / "one.png", (2, 3)).inputs.tolist() == [[7] * 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,c\n1,2\n", "columns differ.*missing 'b'; not expected 'c'"),
        ("a\n1\n", "missing 'b'"),
        ("a,b,label\n1,2,z\n", "label z is out of range"),
    ],
)
def test_data_that_does_not_fit_the_network(write_csv, text, message):
    with pytest.raises(ValueError, match=message):
        load_inputs(write_csv(text), SHAPE, task=TASK, feature_names=NAMES)


def test_other_number_of_features(write_csv):
    with pytest.raises(
        ValueError, match=r"expected 20 features .*\(4, 5\), got 2, of shape \(2,\)"
    ):
        load_inputs(write_csv("a,b\n1,2\n"), (4, 5))


def test_labels_required(write_csv):
    with pytest.raises(ValueError, match="no label column 'label'"):
        load_inputs(write_csv("a,b\n1,2\n"), SHAPE, labels_required=True)
