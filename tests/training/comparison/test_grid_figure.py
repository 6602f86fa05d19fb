"""The picture of a learned grid: in the folder of a run that learned one."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from qimlp.tasks import Classification, Regression
from qimlp.training import resolve_settings, run_experiment
from qimlp.training.comparison.grid import plot_grid


def test_a_run_that_learns_a_grid_shows_it(tiny, tmp_path):
    common = {"data": str(tiny), "dims": "4x4,4x4,3x1", "epochs": 1, "device": "cpu"}
    runs = [resolve_settings({**common, "order": order}) for order in ("grid", "spectral")]
    done = run_experiment(runs, out=tmp_path / "runs")
    there = [(Path(result.folder) / "grid.png").is_file() for result in done.results]
    assert there == [True, False]


def test_the_mean_of_a_class_lies_on_the_grid(tmp_path):
    inputs = -torch.ones(6, 20)
    inputs[:3, 0] = 1.0  # the first class: the upper left corner
    inputs[3:, 19] = 1.0  # the second: the lower right one
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    plot_grid(inputs, labels, Classification(("a", "b")), (4, 5), tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        pixels = torch.tensor(list(picture.convert("RGB").get_flattened_data()))
        red = (pixels[:, 0] > 1.5 * pixels[:, 2]).view(picture.height, picture.width)
    left, right = red[:, : red.shape[1] // 2], red[:, red.shape[1] // 2 :]
    assert left.any()
    assert right.any()
    assert left.nonzero().float().mean(dim=0)[0] < right.nonzero().float().mean(dim=0)[0]
    assert left.float().mean() == pytest.approx(1 / 20, abs=0.02)


def test_targets_that_are_no_classes_are_cut_at_the_median(tmp_path):
    targets = torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    task = Regression(("price", "other"), shift=(0.0, 0.0), scale=(1.0, 1.0))
    plot_grid(torch.zeros(3, 4), targets, task, (4, 1), tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 1000
