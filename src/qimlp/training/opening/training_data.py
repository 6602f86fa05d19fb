"""The data of one run: features, three parts, one scaling, batches on the device."""

import json
from typing import Any

from torch import Tensor

from qimlp.data import (
    Batches,
    DataSet,
    InMemoryBatches,
    Scaling,
    StepBatches,
    StreamingDataSet,
    TableDataSet,
    TensorSplit,
    TextDataSet,
    TokenBatches,
    split_dev,
)
from qimlp.distributed import ProcessGroup
from qimlp.models import Pretrained
from qimlp.predictor import (
    Features,
    FineTuning,
    Loaded,
    Preparation,
    learn_features,
    prepare_fine_tuning,
)
from qimlp.settings import TrainSettings
from qimlp.tasks import LossOptions
from qimlp.training.opening.source import load_data


class TrainingData:
    """A data set split 8:2 into train and dev, the test set apart; in memory or streamed.

    Args:
        settings: Source, features, dev fraction, scaling and seed.
        loaded: The data set, where the caller has it already.
        order: Of the features, where the run has one already: see `learn_features`.

    Raises:
        FileNotFoundError: If the data is not there.
        ValueError: If the data is not usable.
    """

    def __init__(
        self,
        settings: TrainSettings,
        loaded: Loaded | None = None,
        *,
        order: tuple[int, ...] | None = None,
    ) -> None:
        found = loaded if loaded is not None else load_data(settings)
        self._tuning: FineTuning | None = None
        data: DataSet | StreamingDataSet
        if settings.features.finetune and isinstance(found, TextDataSet):
            self._tuning = prepare_fine_tuning(settings, found)
            data, self.features = self._tuning.data, Features(tokenizer=self._tuning.tokenizer)
        else:
            data, self.features = learn_features(settings, found, order=order)
        self._settings = settings
        self._data = data
        targets = settings.dataset.label_columns
        if isinstance(found, TableDataSet):
            targets = found.targets
        elif isinstance(found, TextDataSet) and not targets and found.label_column != "label":
            targets = (found.label_column,) if found.label_column else ()
        self._label_column = next(iter(targets), None)
        self.in_features = data.in_features
        if self._tuning is not None:
            self.in_features = self._tuning.scaling.in_features
        self.fingerprint = data.fingerprint
        if isinstance(data, StreamingDataSet):
            if settings.dataset.dev_split == "blocks":
                raise ValueError(
                    "dev_split blocks: rows that are streamed are not known by class beforehand; "
                    "use dev_split random, or turn streaming off"
                )
            known = data.sample(dev_fraction=settings.dataset.dev_fraction)
        else:
            known, self._dev = split_dev(
                data.train,
                settings.dataset.dev_fraction,
                seed=settings.compute.seed,
                by=settings.dataset.dev_split,
            )
        options = LossOptions(
            label_smoothing=settings.optimisation.label_smoothing,
            balanced=settings.optimisation.class_weights == "balanced",
            huber=settings.optimisation.loss == "huber",
            quantiles=settings.optimisation.learned_quantiles,
        )
        self.task = data.task.fitted(known.labels, options)
        if not isinstance(data, StreamingDataSet):
            self._train = self._prepared(known)
            self._dev = self._prepared(self._dev)
        self.notes = data.notes + self.task.doubts(known.labels)
        kind = "none" if self._tuning is not None else settings.features.scaling
        self.scaling = Scaling.fit(kind, known, data.feature_shape)

    @property
    def train_rows(self) -> int | None:
        """Rows that are learned from; None where the data is streamed."""
        return None if isinstance(self._data, StreamingDataSet) else len(self._train)

    def facts(self) -> dict[str, str]:
        """What must be the same in every process of one training, by name."""
        found = self._settings.numeric()
        del found["data"]  # where it lies may differ from machine to machine
        facts = {name: json.dumps(value) for name, value in found.items()}
        facts["data"] = self.fingerprint
        return {**facts, "preparation of the data": json.dumps(self.preparation().to_dict())}

    def require_same(self, fingerprint: str) -> None:
        """Refuse data that is not what a run was started with.

        Args:
            fingerprint: The run's.

        Raises:
            ValueError: If the data has changed.
        """
        if self.fingerprint != fingerprint:
            raise ValueError(
                f"the data {self._settings.dataset.data!r} has changed since the run was started "
                f"(fingerprint {fingerprint[:12]}, now {self.fingerprint[:12]}); start a new run"
            )

    def require_prepared(self, stored: Preparation, *, origin: str) -> None:
        """Refuse data, or a preparation of it, that is not what a run was started with.

        Args:
            stored: The run's `preparation`, as read from its folder.
            origin: The file, for messages.

        Raises:
            ValueError: If either has changed.
        """
        self.require_same(stored.fingerprint)
        own, known = (json.loads(json.dumps(p.to_dict())) for p in (self.preparation(), stored))
        # The label column stands in the settings; earlier versions kept it there alone.
        changed = sorted(n for n in own if n != "label_column" and known[n] != own[n])
        if changed:
            raise ValueError(
                f"{origin}: {', '.join(changed)} do not agree with the run's settings and data; "
                "put the run's files back as they were, or start it again with --overwrite"
            )

    def train_features(self) -> tuple[Tensor, Tensor]:
        """The whole train part as the network sees it.

        Returns:
            Scaled features of shape (N, F), `float32`, and the N targets as the loss takes
            them, on the CPU.

        Raises:
            ValueError: If the data is streamed.
        """
        if isinstance(self._data, StreamingDataSet):
            raise ValueError(  # noqa: TRY004 - the setting is wrong, not an argument
                "warm_start ridge or svm: a linear model is fitted in memory only; turn "
                "streaming off"
            )
        return self.scaling.apply(self._train.inputs), self._train.labels

    def _prepared(self, split: TensorSplit) -> TensorSplit:
        """The split with targets as the loss takes them."""
        return TensorSplit(split.inputs, self.task.prepare(split.labels))

    def network(self, head: Pretrained) -> Pretrained:
        """The network that reads the batches.

        Args:
            head: Takes `in_features` features.

        Returns:
            The head itself; with the encoder below it where that is trained too.

        Raises:
            FileNotFoundError: If the encoder is not there.
        """
        return head if self._tuning is None else self._tuning.network(head)

    def train_batches(self, processes: ProcessGroup) -> Batches:
        """Shuffled batches for training; each process gets its part of every batch.

        Args:
            processes: Processes and device.

        Returns:
            Batches of `settings.batch_size` over all processes together.
        """
        return self._batches("train", self._settings.optimisation.batch_size, processes)

    def dev_batches(self, processes: ProcessGroup) -> Batches:
        """The dev part, in an order that is always the same.

        Args:
            processes: Processes and device.

        Returns:
            Every example once over all processes.
        """
        return self._batches("dev", self._evaluation_batch(processes), processes)

    def test_batches(self, processes: ProcessGroup) -> Batches:
        """The test set, in an order that is always the same; a run calls this once, at its end.

        Args:
            processes: Processes and device.

        Returns:
            Every example once over all processes.
        """
        return self._batches("test", self._evaluation_batch(processes), processes)

    def preparation(self) -> Preparation:
        """Describe how to prepare other data for the network.

        Returns:
            The content of `preprocess.json`.
        """
        return Preparation(
            task=self.task,
            features=self.features,
            scaling=self.scaling,
            feature_shape=self._data.feature_shape,
            feature_names=self._data.feature_names,
            label_column=self._label_column,
            fingerprint=self.fingerprint,
            test_origin=self._data.test_origin,
        )

    def _evaluation_batch(self, processes: ProcessGroup) -> int:
        return _even(self.features.evaluation_batch, processes)

    def _batches(self, part: str, batch_size: int, processes: ProcessGroup) -> Batches:
        common: dict[str, Any] = {
            "seed": self._settings.compute.seed,
            "shuffle": part == "train",
            "device": processes.device,
            "rank": processes.rank,
            "world_size": processes.size,
        }
        if self._tuning is None:
            common["scaling"] = self.scaling
        if isinstance(self._data, StreamingDataSet):
            fraction = self._settings.dataset.dev_fraction
            prepare = self.task.prepare
            return self._data.batches(
                part, batch_size, dev_fraction=fraction, prepare=prepare, **common
            )
        learning = self._train if part == "train" else self._dev
        # The test part is read at the end alone.
        split = self._prepared(self._data.test) if part == "test" else learning
        if self._tuning is not None:
            return TokenBatches(split, batch_size, **common)
        optimisation = self._settings.optimisation
        if part == "train" and optimisation.steps is not None:
            return StepBatches(
                self.scaling.apply(split.inputs.to(processes.device)),
                split.labels.to(processes.device),
                batch_size,
                max(round(optimisation.steps / optimisation.epochs), 1),
                seed=common["seed"],
                rank=processes.rank,
                world_size=processes.size,
            )
        return InMemoryBatches(split, batch_size, **common)


def _even(batch_size: int, processes: ProcessGroup) -> int:
    return max(batch_size // processes.size, 1) * processes.size
