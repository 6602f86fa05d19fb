"""One object for everything that predicts: raw rows in, answers out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qimlp.data import Inputs, Scaling, load_inputs, load_text_inputs, trimmed
from qimlp.distributed import ProcessGroup, connect
from qimlp.models import Pretrained, load_pretrained
from qimlp.predictor.evaluation import evaluate
from qimlp.predictor.features import Features
from qimlp.predictor.preparation import (
    Preparation,
    read_preparation,
    require_fitting,
    write_preparation,
)
from qimlp.predictor.table_data import as_frame, read_rows
from qimlp.predictor.tables import as_inputs
from qimlp.tasks import Evaluation, Task

Table: TypeAlias = Any
"""Rows to predict: a 2-d array or tensor, a list of texts, a table with named columns (pandas,
pyarrow or a mapping), or the name or path of data."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """Features, scaling, network and task of a trained network, on one device.

    Attributes:
        network: The network, in evaluation mode.
        task: What its outputs mean.
        features: How raw examples become features.
        scaling: How features are scaled.
        feature_shape: Shape of one example.
        feature_names: Columns of the training table; empty for images and arrays.
        label_column: Column of the training table that held the labels, or None.
        processes: The device, and the processes that evaluate together.
    """

    network: nn.Module
    task: Task
    features: Features
    scaling: Scaling
    feature_shape: tuple[int, ...]
    feature_names: tuple[str, ...] = ()
    label_column: str | None = None
    processes: ProcessGroup = field(default_factory=ProcessGroup.alone)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, device: str = "auto") -> Predictor:
        """Load a saved predictor, or the best network of a run; nothing is unpickled.

        Args:
            folder: A folder of `save`, or a run folder.
            device: `"auto"`, `"cpu"`, `"cuda"` and so on.

        Returns:
            The predictor.

        Raises:
            FileNotFoundError: If there is no such folder, or it has no weights.
            ValueError: If a file in it is damaged.
        """
        path = Path(folder)
        prepared = read_preparation(path)
        weights = path / "best" if (path / "settings.json").is_file() else path
        if not weights.is_dir():
            raise FileNotFoundError(f"{weights} not found: the run has not finished an epoch yet")
        processes = connect(device)
        network = load_pretrained(weights).to(processes.device).eval()
        require_fitting(network, prepared, source=str(path))
        return cls(
            network=network,
            task=prepared.task,
            features=prepared.features,
            scaling=prepared.scaling,
            feature_shape=prepared.feature_shape,
            feature_names=prepared.feature_names,
            label_column=prepared.label_column,
            processes=processes,
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the predictor as one folder: weights as safetensors, the rest as JSON.

        Args:
            folder: Made if it does not exist.

        Raises:
            TypeError: If the network is none of qimlp's.
            OSError: If it cannot be written.
        """
        if not isinstance(self.network, Pretrained):
            raise TypeError(
                "expected a network of qimlp.models (QiMLP, MLP, ...), which says how it is built, "
                f"got {type(self.network).__name__}"
            )
        self.network.save_pretrained(Path(folder))
        prepared = Preparation(
            task=self.task,
            features=self.features,
            scaling=self.scaling,
            feature_shape=self.feature_shape,
            feature_names=self.feature_names,
            label_column=self.label_column,
        )
        write_preparation(Path(folder), prepared)

    def predict(self, table: Table) -> NDArray[Any]:
        """Answer rows: a name for each or, of a regression, its numbers.

        Args:
            table: See `Table`; of named data that has a test part, that part.

        Returns:
            Names of shape (n,), or numbers of shape (n,) for one target and (n, targets) for more.

        Raises:
            ValueError: If the rows do not fit.
        """
        return self.task.decide(self.answers(self._inputs(table)))

    def predict_proba(self, table: Table) -> NDArray[Any]:
        """Give probabilities.

        Args:
            table: As for `predict`.

        Returns:
            Probabilities of shape (n, outputs), in the order of the task's names.

        Raises:
            ValueError: If the rows do not fit, or the task gives no probabilities.
        """
        if not self.task.answers_are_probabilities:
            raise ValueError(f"predict_proba: a {self.task.kind} has no classes; use predict")
        return self.answers(self._inputs(table)).numpy()

    @torch.inference_mode()
    def answers(self, inputs: Tensor) -> Tensor:
        """Answer features in the task's own terms: probabilities or values.

        Args:
            inputs: As `read` gives them, of shape (n, features), not scaled, on the CPU.

        Returns:
            Answers of shape (n, outputs), on the CPU.

        Raises:
            ValueError: If an answer is not a finite number.
        """
        parts = [self.task.answers(self.network(x).float()).cpu() for x in self.batches(inputs)]
        answers = torch.cat(parts)
        if not bool(torch.isfinite(answers).all()):
            row = int((~torch.isfinite(answers)).any(dim=1).nonzero()[0])
            raise ValueError(
                f"the network's answer to row {row + 1} is not a finite number: its weights are "
                "damaged, or the row's values are far from all that it was trained on"
            )
        return answers

    def read(
        self,
        source: str,
        *,
        data_dir: str | None = None,
        label_column: str | None = None,
        labelled: bool = False,
    ) -> Inputs:
        """Read data, made into features in the network's order.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            data_dir: Folder of named data.
            label_column: Column of the label; by default that of the training data.
            labelled: Whether labels are read too, and needed; else they are left aside.

        Returns:
            The examples, not scaled.

        Raises:
            FileNotFoundError: If there is no such data, or no such encoder of texts.
            ValueError: If it is not usable, has other features or, where needed, no labels.
        """
        common: dict[str, Any] = {
            "task": self.task if labelled else None,
            "label_column": label_column or self.task.target_names or self.label_column,
            "labels_required": labelled,
            "data_dir": data_dir,
        }
        if self.features.table is not None:
            del common["labels_required"]
            return read_rows(source, self.features.table, self.features.columns, **common)
        if self.features.of_texts:
            column = next(iter(self.feature_names), None)
            split = load_text_inputs(source, text_column=column, **common)
            rows = self.features.ordered(self.features.encode(split.texts, self.processes.device))
            return Inputs(source, rows, split.labels, split.part, notes=split.notes)
        found = load_inputs(
            source,
            self.feature_shape,
            feature_names=self.feature_names,
            offsets=self.features.offsets or (),
            resize=self.features.resize,
            **common,
        )
        return replace(found, inputs=self.features.ordered(found.inputs))

    def evaluate(
        self, source: str, *, data_dir: str | None = None, label_column: str | None = None
    ) -> Evaluation:
        """Evaluate on labelled data.

        Args:
            source: Name or path; the test part where it has one, else all of it.
            data_dir: Folder of named data.
            label_column: Column of the label; by default that of the training data.

        Returns:
            Loss and metrics.

        Raises:
            FileNotFoundError: If there is no such data.
            ValueError: If it is not usable, has no labels, or other features or labels.
        """
        return self.evaluate_inputs(
            self.read(source, data_dir=data_dir, label_column=label_column, labelled=True)
        )

    def evaluate_inputs(self, found: Inputs) -> Evaluation:
        """Evaluate on examples that were read with their labels.

        Args:
            found: From `read`.

        Returns:
            Loss and metrics.

        Raises:
            ValueError: If there are no labels, one is unusable, or the loss is no finite number.
        """
        if found.labels is None:
            raise ValueError(f"{found.origin}: expected labels to evaluate on, found none")
        try:
            targets = self.task.prepare(found.labels).to(self.processes.device)
        except ValueError as error:
            raise ValueError(f"{found.origin}: {error}") from None
        parts = targets.split(self.features.evaluation_batch)
        return self.evaluate_batches(zip(self.batches(found.inputs), parts, strict=True))

    def evaluate_batches(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Evaluation:
        """Evaluate on batches that are ready for the network.

        Args:
            batches: Scaled inputs and prepared targets of this process, on the device.

        Returns:
            Loss and metrics over all processes.

        Raises:
            ValueError: If there is no example, or the loss is not a finite number.
        """
        found = evaluate(self.network, batches, task=self.task, processes=self.processes)
        if not np.isfinite(found.metrics["loss"]):
            raise ValueError(
                "the network's answers are not finite numbers: its weights are damaged, or the "
                "data is far from all that it was trained on"
            )
        return found

    def batches(self, inputs: Tensor) -> Iterator[Tensor]:
        """Cut features, as `read` gives them, into scaled batches on the device."""
        dtype = next(self.network.parameters()).dtype
        for part in inputs.split(self.features.evaluation_batch):
            scaled = self.scaling.apply(part.to(self.processes.device)).to(dtype)
            yield trimmed(scaled) if self.features.tokenizer is not None else scaled

    def _inputs(self, table: Table) -> Tensor:
        if isinstance(table, str | os.PathLike):
            return self.read(os.fspath(table)).inputs
        if self.features.of_texts and isinstance(table, Sequence):
            return self.features.ordered(self.features.encode(list(table), self.processes.device))
        if self.features.table is not None:
            rows = as_frame(table, self.features.columns)
            return self.features.ordered(self.features.table.apply(rows))
        named = isinstance(table, Mapping) or hasattr(table, "columns")
        columns = self.feature_names if named else ()
        offsets = self.features.offsets or ()
        return self.features.ordered(as_inputs(table, columns, self.feature_shape, offsets))
