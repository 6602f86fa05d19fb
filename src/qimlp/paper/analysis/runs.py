"""Run folders: which there are, their test data, and the classic network beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from qimlp.data import Batches
from qimlp.predictor import Loaded
from qimlp.settings import DataSettings, TrainSettings
from qimlp.training import RunFolder, TrainedRun, TrainingData, load_data


def find_runs(paths: Sequence[Path], *, classic: bool) -> list[Path]:
    """Run folders among paths and below them.

    Args:
        paths: Run folders, or folders that hold some.
        classic: Whether to take classic MLPs too when looking below a folder.

    Returns:
        Each run folder once, in order.

    Raises:
        FileNotFoundError: If a path is no run folder and holds none, as a saved model.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if RunFolder(path).settings_file.is_file():
            found[path] = None
            continue
        below = sorted(file.parent for file in path.rglob(RunFolder(path).settings_file.name))
        below = [run for run in below if RunFolder(run).best.is_dir()]
        below = [run for run in below if classic or RunFolder(run).read_settings().kind != "mlp"]
        if not below and next(path.rglob("preprocess.json"), None) is not None:
            raise FileNotFoundError(
                f"{path}: expected a run folder, got a saved or compressed model, which has no "
                "test data of its own; in Python: p = qimlp.Predictor.load(folder), then "
                "qimlp.correlation.analyze(p.network, p.batches(p.read(data).inputs))"
            )
        if not below:
            raise FileNotFoundError(
                f"{path}: expected a run folder, or a folder that holds finished runs of "
                "networks with Kronecker layers; other networks are analysed with --dims"
            )
        found |= dict.fromkeys(below)
    return list(found)


def find_control(run: Path, settings: TrainSettings) -> Path | None:
    """The classic MLP that was trained beside a run, of the same seed where there is one.

    Args:
        run: `<out>/<data>-<network>/seed-<n>`.
        settings: The run's.

    Returns:
        Its run folder, or None.
    """
    if settings.kind == "mlp":
        return None
    beside = sorted(run.resolve().parent.parent.glob(f"{settings.data_name}-mlp*/seed-*"))
    usable = [folder for folder in beside if RunFolder(folder).best.is_dir()]
    same = [folder for folder in usable if folder.name == f"seed-{settings.compute.seed}"]
    return next(iter(same + usable), None)


def find_checkpoints(run: Path) -> dict[int, Path]:
    """Find the networks that were kept while training.

    Args:
        run: The run folder; they lie in `checkpoints/epoch-<n>`.

    Returns:
        Their folders by epoch.
    """
    numbered = {
        int(match[1]): folder
        for folder in (run / "checkpoints").glob("epoch-*")
        if (match := re.fullmatch(r"epoch-(\d+)", folder.name)) and folder.is_dir()
    }
    return dict(sorted(numbered.items()))


class RunData:
    """Test sets of runs; runs on the same data share one reading of it."""

    def __init__(self) -> None:
        self._key: DataSettings | None = None
        self._loaded: Loaded | None = None

    def batches(self, trained: TrainedRun) -> Batches:
        """Read the test set of a run's own data, scaled as in its training.

        Args:
            trained: The run.

        Returns:
            The test set.

        Raises:
            FileNotFoundError: If the data is gone.
            ValueError: If it has changed since.
        """
        settings = trained.settings
        key = settings.dataset
        if self._loaded is None or key != self._key:
            self._key, self._loaded = key, load_data(settings)
        data = TrainingData(settings, self._loaded, order=trained.predictor.features.order)
        data.require_same(trained.fingerprint)
        return data.test_batches(trained.processes)
