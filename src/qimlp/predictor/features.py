"""From what was read to what the network sees, before scaling: texts to numbers, and an order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from qimlp.data import (
    Column,
    DataSet,
    Encoder,
    Number,
    StreamingDataSet,
    TableDataSet,
    TableFeatures,
    TensorSplit,
    TermWeights,
    TextDataSet,
    Tokenizer,
    column_order,
    dev_rows,
    patch_order,
    stored_columns,
)
from qimlp.distributed import connect
from qimlp.predictor.network import sizes_for
from qimlp.predictor.orders import learned_order
from qimlp.predictor.table_data import learn_table
from qimlp.settings import TrainSettings

Loaded: TypeAlias = DataSet | StreamingDataSet | TextDataSet | TableDataSet


@dataclass(frozen=True)
class Features:
    """What was learned on the train part about making features; kept with a run.

    Attributes:
        terms: TF-IDF terms of texts, or None.
        encoder: Frozen encoder of texts, or None.
        tokenizer: Of texts whose encoder is part of the network, or None.
        order: Present numbers of the features in their new order, or None.
        offsets: What is subtracted from each feature of a table, as it is read and before it is
            ordered; or None.
        table: How a table's columns of any kind become numbers and codes, or None.
        columns: What the columns of such a table's file were taken for; none where it was no file.
        resize: Whether images are brought to the size of the training images.
    """

    terms: TermWeights | None = None
    encoder: Encoder | None = None
    tokenizer: Tokenizer | None = None
    order: tuple[int, ...] | None = None
    offsets: tuple[Number, ...] | None = None
    table: TableFeatures | None = None
    columns: tuple[Column, ...] = ()
    resize: bool = False

    @property
    def of_texts(self) -> bool:
        """Whether the raw examples are texts."""
        made_by = (self.terms, self.encoder, self.tokenizer)
        return any(maker is not None for maker in made_by)

    @property
    def evaluation_batch(self) -> int:
        """Examples that are evaluated at a time: fewer where an encoder is part of the network."""
        return 1000 if self.tokenizer is None else 64

    def encode(self, texts: Sequence[str], device: torch.device | str = "cpu") -> Tensor:
        """Turn texts into features, not yet ordered.

        Args:
            texts: N texts.
            device: Where an encoder runs.

        Returns:
            (N, features) `float32` on the CPU; token numbers where there is a tokenizer.

        Raises:
            ValueError: If the features are not made of texts.
        """
        if self.terms is not None:
            return self.terms.apply(texts)
        if self.encoder is not None:
            return self.encoder.apply(texts, device=device)
        if self.tokenizer is not None:
            return self.tokenizer.apply(texts)
        raise ValueError("expected a run on texts: its features are not made of texts")

    def ordered(self, inputs: Tensor) -> Tensor:
        """Put features in the network's order.

        Args:
            inputs: (N, features).

        Returns:
            (N, features), the same where there is no order.
        """
        return inputs if self.order is None else inputs[:, torch.tensor(self.order)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON.

        Returns:
            The parts that there are, by name; empty where raw examples are features already.
        """
        parts: dict[str, Any] = {}
        if self.terms is not None:
            parts["terms"] = self.terms.to_dict()
        if self.encoder is not None:
            parts["encoder"] = vars(self.encoder)
        if self.tokenizer is not None:
            parts["tokenizer"] = vars(self.tokenizer)
        if self.order is not None:
            parts["order"] = list(self.order)
        if self.offsets is not None:
            parts["offsets"] = list(self.offsets)
        if self.table is not None:
            parts["table"] = self.table.to_dict()
        if self.columns:
            parts["columns"] = [column.to_dict() for column in self.columns]
        parts |= {"resize": True} if self.resize else {}
        return parts

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "Features":
        """Read what `to_dict` wrote.

        Args:
            parts: The parts by name.

        Returns:
            The features.

        Raises:
            ValueError: If a part is damaged.
        """
        return cls(
            terms=TermWeights.from_dict(parts["terms"]) if "terms" in parts else None,
            encoder=Encoder.from_dict(parts["encoder"]) if "encoder" in parts else None,
            tokenizer=Tokenizer.from_dict(parts["tokenizer"]) if "tokenizer" in parts else None,
            order=tuple(parts["order"]) if "order" in parts else None,
            offsets=_stored_offsets(parts["offsets"]) if "offsets" in parts else None,
            table=TableFeatures.from_dict(parts["table"]) if "table" in parts else None,
            columns=stored_columns(parts.get("columns", [])),
            resize=bool(parts.get("resize", False)),
        )


def _stored_offsets(values: Any) -> tuple[Number, ...]:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError("the stored offsets of features are damaged: expected a list of numbers")
    return tuple(values)


def learn_features(
    settings: TrainSettings, loaded: Loaded, *, order: tuple[int, ...] | None = None
) -> tuple[DataSet | StreamingDataSet, Features]:
    """Learn, on the train part alone, how to make features; and make them.

    Labels are looked at only where terms are chosen by them, or an order by a linear model.

    A run that is there already has its order: among features that are alike, the last bits of a
    product decide, and these depend on the machine and its number of threads.

    Args:
        settings: `text`, `terms`, `terms_by`, `encoder`, `order`, the dev fraction and the seed of
            the split.
        loaded: What was read.
        order: Of the run, in place of a learned one.

    Returns:
        The data with ordered features, and how they were made.

    Raises:
        FileNotFoundError: If the encoder is not there.
        ValueError: If settings and data do not fit.
    """
    data: DataSet | StreamingDataSet
    if isinstance(loaded, TextDataSet):
        data, features = _from_texts(settings, loaded)
    elif isinstance(loaded, TableDataSet):
        rows = _train_rows(settings, loaded.labels("train"))
        data, table = learn_table(settings, loaded, rows)
        features = Features(table=table, columns=loaded.columns)
    elif settings.features.text is not None:
        raise ValueError(
            f"text {settings.features.text!r}: the data {settings.dataset.data!r} holds no texts"
        )
    else:
        data = loaded
        resize = settings.dataset.resize is not None
        features = Features(offsets=data.offsets or None, resize=resize)
    wanted = settings.features.order
    if wanted == "none":
        return data, features
    if isinstance(data, StreamingDataSet):
        raise ValueError(  # noqa: TRY004 - the setting is wrong, not an argument
            "order: features can be ordered only in memory; turn streaming off"
        )
    shape = data.feature_shape
    if wanted == "patches":  # pixels move within their channel, which scaling goes by
        new = patch_order(shape, sizes_for(settings, data)[0])
    elif wanted == "columns":
        new = column_order(shape)
    else:
        if len(shape) == 3 and shape[0] > 1:  # pixels move between channels
            shape = (data.in_features,)
        if order is not None and sorted(order) == list(range(data.in_features)):
            new = torch.tensor(order)
        else:
            rows = _train_rows(settings, data.train.labels)
            known = TensorSplit(data.train.inputs[rows], data.train.labels[rows])
            new = learned_order(settings, data, known, shape, centre=features.terms is None)
    features = replace(features, order=tuple(new.tolist()))
    return _changed(data, features.ordered, shape), features


def _train_rows(settings: TrainSettings, labels: Tensor) -> Tensor:
    """The rows that are learned from: all but the dev part."""
    data = settings.dataset
    return dev_rows(labels, data.dev_fraction, seed=settings.compute.seed, by=data.dev_split)[0]


def _from_texts(settings: TrainSettings, texts: TextDataSet) -> tuple[DataSet, Features]:
    chosen = settings.features
    if chosen.text is None:
        raise ValueError(
            f"the data {settings.dataset.data!r} holds texts: set text to tfidf or encoder"
        )
    train_labels, test_labels = texts.labels("train"), texts.labels("test")
    if chosen.text == "tfidf":
        train = _train_rows(settings, train_labels)
        known = [texts.train.texts[row] for row in train.tolist()]
        by_labels = train_labels[train] if chosen.terms_by == "svm" else None
        features = Features(terms=TermWeights.fit(known, chosen.terms, labels=by_labels))
    else:
        features = Features(encoder=Encoder(chosen.encoder, chosen.pooling, chosen.max_tokens))
    device = connect(settings.compute.device).device
    train_inputs = features.encode(texts.train.texts, device)
    data = DataSet(
        name=texts.name,
        train=TensorSplit(train_inputs, train_labels),
        test=TensorSplit(features.encode(texts.test.texts, device), test_labels),
        class_names=texts.class_names,
        feature_shape=(train_inputs.shape[1],),
        fingerprint=texts.fingerprint,
        test_origin=texts.test_origin,
        feature_names=texts.feature_names,
        notes=texts.notes,
    )
    return data, features


def _changed(
    data: DataSet, change: Callable[[Tensor], Tensor], feature_shape: tuple[int, ...]
) -> DataSet:
    train = TensorSplit(change(data.train.inputs), data.train.labels)
    test = TensorSplit(change(data.test.inputs), data.test.labels)
    return replace(data, train=train, test=test, feature_shape=feature_shape)
