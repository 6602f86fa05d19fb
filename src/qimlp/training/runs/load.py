"""A finished run's network with everything it needs to see new data."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.data import Inputs, Scaling, load_inputs, load_text_inputs, trimmed
from qimlp.distributed import ProcessGroup, connect
from qimlp.models import load_pretrained
from qimlp.predictor import Features
from qimlp.settings import TrainSettings
from qimlp.training.engine.evaluation import Evaluation, evaluate
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.training_data import TrainingData


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """The best network of a run, on its device.

    Attributes:
        model: The network, in evaluation mode.
        settings: The run's settings.
        features: How raw examples become features.
        scaling: How features are scaled.
        class_names: Names of the classes, in order.
        feature_shape: Shape of one example.
        feature_names: Columns of the training table, empty for images.
        fingerprint: Of the training data.
        processes: Its device.
    """

    model: nn.Module
    settings: TrainSettings
    features: Features
    scaling: Scaling
    class_names: tuple[str, ...]
    feature_shape: tuple[int, ...]
    feature_names: tuple[str, ...]
    fingerprint: str
    processes: ProcessGroup

    def read(self, source: str, *, label_column: str | None = None) -> Tensor:
        """Read data to predict; labels, where there are any, are left aside.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            label_column: Column of the label; by default the run's own.

        Returns:
            (n, features), not scaled, on the CPU.

        Raises:
            FileNotFoundError: If there is no such data, or no such encoder of texts.
            ValueError: If it is not usable or has other features.
        """
        return self.read_inputs(source, label_column=label_column).inputs

    def read_inputs(self, source: str, *, label_column: str | None = None) -> Inputs:
        """Read data to predict as `read` does, with the names of image files and of the part.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            label_column: Column of the label; by default the run's own.

        Returns:
            The examples, without labels.

        Raises:
            FileNotFoundError: If there is no such data, or no such encoder of texts.
            ValueError: If it is not usable or has other features.
        """
        return self._read(source, label_column)

    def evaluate(self, source: str, *, label_column: str | None = None) -> Evaluation:
        """Evaluate on labelled data.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            label_column: Column of the label; by default the run's own.

        Returns:
            Accuracy, loss and confusion.

        Raises:
            FileNotFoundError: If there is no such data.
            ValueError: If it is not usable, has no labels, or other features or classes.
        """
        found = self._read(source, label_column, class_names=self.class_names, labels_required=True)
        if found.labels is None:
            raise ValueError(f"{found.origin}: expected labels to evaluate on, found none")
        labels = (
            part.to(self.processes.device)
            for part in found.labels.split(self.features.evaluation_batch)
        )
        return self._evaluate(zip(self._scaled(found.inputs), labels, strict=True))

    def evaluate_test(self) -> Evaluation:
        """Evaluate on the test set of the run's own data, as the run did at its end.

        Returns:
            Accuracy, loss and confusion.

        Raises:
            FileNotFoundError: If the data is gone.
            ValueError: If it has changed since.
        """
        data = TrainingData(self.settings, order=self.features.order)
        data.require_same(self.fingerprint)
        return self._evaluate(data.test_batches(self.processes))

    @torch.inference_mode()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Class probabilities.

        Args:
            inputs: (n, features), not scaled, on the CPU.

        Returns:
            (n, classes), float32, on the CPU.
        """
        rows = [self.model(x).float().softmax(dim=1).cpu() for x in self._scaled(inputs)]
        return torch.cat(rows)

    def _read(
        self,
        source: str,
        label_column: str | None,
        *,
        class_names: tuple[str, ...] = (),
        labels_required: bool = False,
    ) -> Inputs:
        """Raw examples, made into features in the network's order."""
        common: dict[str, Any] = {
            "class_names": class_names,
            "label_column": label_column or self.settings.label_column,
            "labels_required": labels_required,
            "data_dir": self.settings.data_dir,
        }
        if self.features.of_texts:
            split = load_text_inputs(source, **common)
            inputs = self.features.encode(split.texts, self.processes.device)
            ordered = self.features.ordered(inputs)
            return Inputs(source, ordered, split.labels, split.part, notes=split.notes)
        found = load_inputs(
            source,
            self.feature_shape,
            feature_names=self.feature_names,
            offsets=self.features.offsets or (),
            **common,
        )
        return replace(found, inputs=self.features.ordered(found.inputs))

    def _evaluate(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Evaluation:
        classes = len(self.class_names)
        return evaluate(self.model, batches, num_classes=classes, processes=self.processes)

    def _scaled(self, inputs: Tensor) -> Iterator[Tensor]:
        dtype = next(self.model.parameters()).dtype
        for part in inputs.split(self.features.evaluation_batch):
            scaled = self.scaling.apply(part.to(self.processes.device)).to(dtype)
            yield scaled if self.features.tokenizer is None else trimmed(scaled)


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
        settings = settings.model_copy(update={"data_dir": data_dir})
    prepared = folder.read_preprocess()
    if not folder.best.is_dir():
        raise FileNotFoundError(f"{folder.best} not found: the run has not finished an epoch yet")
    processes = connect(device)
    model = load_pretrained(folder.best).to(processes.device).eval()
    try:
        return TrainedRun(
            model=model,
            settings=settings,
            features=Features.from_dict(prepared.get("features", {})),
            scaling=Scaling.from_dict(prepared["scaling"]),
            class_names=tuple(prepared["class_names"]),
            feature_shape=tuple(prepared["feature_shape"]),
            feature_names=tuple(prepared["feature_names"]),
            fingerprint=prepared["fingerprint"],
            processes=processes,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder.preprocess_file} is damaged: {error!r}") from error
