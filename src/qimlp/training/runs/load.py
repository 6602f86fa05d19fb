"""A trained network, loaded from its run folder."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from qimlp.data import Inputs
from qimlp.distributed import ProcessGroup
from qimlp.files import printable
from qimlp.predictor import Predictor
from qimlp.settings import TrainSettings
from qimlp.tasks import Evaluation
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.folder import RunFolder


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """The best network of a run, on its device, and what the run was.

    Attributes:
        predictor: The network with everything it needs to see new data.
        settings: The run's settings.
        fingerprint: Of the training data.
    """

    predictor: Predictor
    settings: TrainSettings
    fingerprint: str

    @property
    def model(self) -> nn.Module:
        """The network, in evaluation mode."""
        return self.predictor.network

    @property
    def processes(self) -> ProcessGroup:
        """The device."""
        return self.predictor.processes

    def read(self, source: str, *, label_column: str | None = None) -> Tensor:
        """Read data to predict; labels, where there are any, are left aside.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            label_column: Column of the label; by default the run's own.

        Returns:
            Features of shape (n, features), not scaled, on the CPU.

        Raises:
            FileNotFoundError: If there is no such data, or no such encoder of texts.
            ValueError: If it is not usable or has other features.
        """
        return self.read_inputs(source, label_column=label_column).inputs

    def read_inputs(
        self, source: str, *, label_column: str | None = None, labelled: bool = False
    ) -> Inputs:
        """Read data to predict as `read` does, with the names of image files and of the part.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            label_column: Column of the label; by default the run's own.
            labelled: Whether labels are read too, and needed.

        Returns:
            The examples, with notes on what was left out of them.

        Raises:
            FileNotFoundError: If there is no such data, or no such encoder of texts.
            ValueError: If it is not usable or has other features.
        """
        found = self.predictor.read(
            source,
            data_dir=self.settings.dataset.data_dir,
            label_column=label_column,
            labelled=labelled,
        )
        if found.part is None and self.is_own(source):
            note = f"{printable(source)}: most of these rows are those that the run was trained on"
            found = replace(found, notes=(*found.notes, note))
        return found

    def evaluate(self, source: str, *, label_column: str | None = None) -> Evaluation:
        """Evaluate on labelled data.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            label_column: Column of the label; by default the run's own.

        Returns:
            Loss and metrics.

        Raises:
            FileNotFoundError: If there is no such data.
            ValueError: If it is not usable, has no labels, or other features or labels.
        """
        return self.predictor.evaluate(
            source, data_dir=self.settings.dataset.data_dir, label_column=label_column
        )

    def is_own(self, source: str) -> bool:
        """Tell whether data is what the run was trained on, however its path is spelled.

        Args:
            source: Name or path.

        Returns:
            Whether both names mean the same.
        """
        own = self.settings.dataset.data
        first, second = Path(source).expanduser(), Path(own).expanduser()
        return source == own or (first.exists() and second.exists() and first.samefile(second))

    def evaluate_test(self) -> Evaluation:
        """Evaluate on the test set of the run's own data, as the run did at its end.

        Returns:
            Loss and metrics.

        Raises:
            FileNotFoundError: If the data is gone.
            ValueError: If it has changed since.
        """
        data = TrainingData(self.settings, order=self.predictor.features.order)
        data.require_same(self.fingerprint)
        return self.predictor.evaluate_batches(data.test_batches(self.processes))


def load_run(
    path: str | os.PathLike[str], *, device: str = "auto", data_dir: str | None = None
) -> TrainedRun:
    """Load the best network of a run; the run need not be complete.

    Args:
        path: A run folder.
        device: As in `TrainSettings`.
        data_dir: Folder of named data, where it is not the run's own.

    Returns:
        The network and what it needs.

    Raises:
        FileNotFoundError: If there is no such run, or it has no weights yet.
        ValueError: If a file in it is damaged.
    """
    folder = RunFolder(path)
    settings = folder.read_settings()
    if data_dir is not None:
        settings = settings.replace(data_dir=data_dir)
    predictor = Predictor.load(folder.path, device=device)
    return TrainedRun(predictor, settings, folder.read_preparation().fingerprint)


def load_trained(
    path: str | os.PathLike[str], *, device: str = "auto", data_dir: str | None = None
) -> tuple[Predictor, TrainedRun | None]:
    """Load what predicts: the best network of a run, or what was saved without one.

    Args:
        path: A run folder, or a folder that a `Predictor` or an estimator saved.
        device: As in `TrainSettings`.
        data_dir: Folder of named data, where it is not the run's own.

    Returns:
        What predicts, and the run it belongs to; None where there is no run.

    Raises:
        FileNotFoundError: If there is neither.
        ValueError: If a file in it is damaged.
    """
    if not Path(path, "settings.json").exists() and Path(path, "preprocess.json").exists():
        return Predictor.load(path, device=device), None
    run = load_run(path, device=device, data_dir=data_dir)
    return run.predictor, run
