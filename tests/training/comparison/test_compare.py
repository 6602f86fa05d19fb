"""How finished runs are compared: rows, remarks, a table and a figure."""

import pytest
from PIL import Image

from qimlp.training import RunResult, compare
from qimlp.training.comparison.plots import plot_comparison
from qimlp.training.comparison.report import cells, format_bytes, markdown


def result(label="2b", seed=0, accuracy=0.9, **changes) -> RunResult:
    values = {
        "data": "tiny",
        "label": label,
        "kind": "mlp" if label == "mlp" else "qimlp",
        "seed": seed,
        "dims": [[8, 8], [8, 8], [2, 5]],
        "best_epoch": 2,
        "task": "classification",
        "dev": {"loss": 0.4, "accuracy": accuracy},
        "test": {"loss": 0.3, "accuracy": accuracy},
        "parameters": 1000 if label == "mlp" else 100,
        "dense_parameters": 500,
        "seconds_per_step": 0.001,
        "memory": {"total": 2048},
        "dev_curve": [0.5, accuracy],
        "folder": "somewhere",
    }
    return RunResult(**{**values, **changes})


def test_rows_hold_mean_spread_and_compression():
    rows = compare([result(seed=n, accuracy=a) for n, a in enumerate((0.8, 0.9, 1.0))]).rows
    (row,) = rows
    assert row.seeds == [0, 1, 2]
    assert row.test["accuracy"] == pytest.approx(0.9)
    assert row.test_std == pytest.approx(0.1)  # the sample's, n - 1
    assert (row.test_min, row.test_max) == (0.8, 1.0)
    assert row.compression == 5  # no control among the results: its own dense network


def test_the_first_mlp_is_the_reference():
    comparison = compare([result(), result("mlp")])
    assert comparison.reference == "mlp"
    assert [row.compression for row in comparison.rows] == [10, 1]
    assert comparison.rows[0].test_std is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.002, "at 64 features it is not faster"), (0.0005, "0.50 times")]
)
def test_a_remark_says_whether_it_is_faster(seconds, words):
    remarks = compare([result(seconds_per_step=seconds), result("mlp")]).remarks
    assert words in remarks[0]
    assert "10 times fewer parameters" in remarks[0]


def test_results_of_two_data_sets_are_not_compared():
    with pytest.raises(ValueError, match="one data set"):
        compare([result(), result(data="other")])


def test_cells_have_units():
    comparison = compare([result(seed=0), result(seed=1)])
    assert cells(comparison, comparison.rows[0]) == (
        "2b",
        "2",
        "0.9000 ± 0.0000",
        "0.9000..0.9000",
        "100",
        "5.0x",
        "1.00 ms",
        "2.0 KiB",
    )


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (2048, "2.0 KiB"), (3 << 20, "3.0 MiB"), (5 << 30, "5.0 GiB")]
)
def test_bytes(count, text):
    assert format_bytes(count) == text


def test_markdown_has_a_line_per_network():
    text = markdown(compare([result(), result("mlp")]))
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("|")] == [
        "| network",
        "| ---",
        "| 2b",
        "| mlp",
    ]


@pytest.mark.parametrize("epochs", [1, 12])
@pytest.mark.parametrize("labels", [["2b"], ["2b", "mlp"], [f"{n}b" for n in range(2, 10)]])
def test_the_figure_is_a_whole_picture(tmp_path, epochs, labels):
    curve = [1 - 0.5**n for n in range(1, epochs + 1)]
    results = [result(label, seed, dev_curve=curve) for label in labels for seed in (0, 1)]
    plot_comparison(results, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        assert picture.width > 1000
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
