"""What was learned about data, in one JSON file beside the weights: `preprocess.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from qimlp.data import Scaling
from qimlp.files import printable, read_json_object, validated, write_json
from qimlp.models import TableNetwork, inner_network
from qimlp.predictor.features import Features
from qimlp.tasks import Classification, Task, task_from_dict

FILE_NAME = "preprocess.json"


@dataclass(frozen=True)
class Preparation:
    """How raw examples become a network's inputs, and what its outputs mean.

    Attributes:
        task: What the outputs mean.
        features: How raw examples become features.
        scaling: How features are scaled.
        feature_shape: Shape of one example.
        feature_names: Columns of the training table; empty for images and arrays.
        label_column: Column of the training table that held the labels, or None.
        fingerprint: Of the training data; empty where it is not known.
        test_origin: Where the test part came from; empty where it is not known.
    """

    task: Task
    features: Features
    scaling: Scaling
    feature_shape: tuple[int, ...]
    feature_names: tuple[str, ...] = ()
    label_column: str | None = None
    fingerprint: str = ""
    test_origin: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            The content of `preprocess.json`.
        """
        return {
            "features": self.features.to_dict(),
            "scaling": self.scaling.to_dict(),
            "task": self.task.to_dict(),
            "feature_shape": list(self.feature_shape),
            "feature_names": list(self.feature_names),
            "label_column": self.label_column,
            "fingerprint": self.fingerprint,
            "test_origin": self.test_origin,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, source: str) -> Preparation:
        """Read what `to_dict` gave, or what earlier versions wrote.

        Args:
            values: The content of a `preprocess.json`.
            source: The file, for messages.

        Returns:
            The preparation.

        Raises:
            ValueError: If something is missing or damaged; the line names the file.
        """
        known = validated(_Stored, with_task(values), source=source)
        try:
            found = cls(
                task=task_from_dict(known.task),
                features=Features.from_dict(known.features.model_dump(exclude_unset=True)),
                scaling=Scaling.from_dict(known.scaling.model_dump()),
                feature_shape=tuple(known.feature_shape),
                feature_names=tuple(known.feature_names),
                label_column=known.label_column,
                fingerprint=known.fingerprint,
                test_origin=known.test_origin,
            )
            found.require_consistent()
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise ValueError(f"{source} is damaged: {error}") from error
        return found

    def require_consistent(self) -> None:
        """Refuse parts that do not fit together.

        Raises:
            ValueError: If the order of features is no permutation, or widths differ.
        """
        order, scaled = self.features.order, self.scaling.in_features
        if order is not None and sorted(order) != list(range(len(order))):
            raise ValueError("order: expected each feature's number once")
        if self.features.tokenizer is not None:
            return
        table = self.features.table
        if table is not None and table.in_features != scaled:
            raise ValueError(f"table: expected {scaled} features, got {table.in_features}")
        if order is not None and len(order) != scaled:
            raise ValueError(f"order: expected {scaled} numbers, got {len(order)}")
        if prod(self.feature_shape) != scaled:
            raise ValueError(f"feature_shape: expected a product of {scaled}")


class _StoredScaling(BaseModel):
    """Schema of the scaling."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: str
    in_features: Annotated[int, Field(ge=1, lt=2**40)]
    shift: list[float]
    scale: list[float]


class _StoredFeatures(BaseModel):
    """Schema of the features; what makes them of texts has checks of its own."""

    model_config = ConfigDict(extra="allow", strict=True)

    order: list[Annotated[int, Field(ge=0, lt=2**40)]] = []
    offsets: list[float] = []
    resize: bool = False


class _Stored(BaseModel):
    """Schema of `preprocess.json`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    features: _StoredFeatures = _StoredFeatures()
    scaling: _StoredScaling
    task: dict[str, Any]
    feature_shape: list[Annotated[int, Field(ge=1, lt=2**40)]] = Field(min_length=1, max_length=16)
    feature_names: list[str] = []
    label_column: str | None = None
    fingerprint: str = ""
    test_origin: str = ""


def with_task(values: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the content of a `preprocess.json` up to date.

    Args:
        values: Of any version; until version 0.1.0 there were classes and no task.

    Returns:
        The same content with a `task` and a `label_column`.
    """
    known = dict(values)
    if "task" not in known and "class_names" in known:
        known["task"] = {"kind": Classification.kind, "class_names": known.pop("class_names")}
    known.setdefault("label_column", None)
    return known


def read_preparation(folder: Path) -> Preparation:
    """Read the `preprocess.json` of a folder.

    Args:
        folder: A run folder, or that of a saved predictor.

    Returns:
        The preparation.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged.
    """
    path = folder / FILE_NAME
    values = read_json_object(path, what="the features, scaling and task of a network")
    return Preparation.from_dict(values, source=str(path))


def write_preparation(folder: Path, prepared: Preparation) -> None:
    """Write the `preprocess.json` of a folder, whole.

    Args:
        folder: An existing folder.
        prepared: What to write.

    Raises:
        OSError: If it cannot be written.
    """
    write_json(folder / FILE_NAME, prepared.to_dict())


@torch.inference_mode()
def require_fitting(network: nn.Module, prepared: Preparation, *, source: str) -> None:
    """Refuse a network that is not one of these features and this task.

    Args:
        network: In evaluation mode.
        prepared: How its inputs are made, and what its outputs mean.
        source: Where both were read, for the message.

    Raises:
        ValueError: If it takes other features or gives other outputs.
    """
    if prepared.features.tokenizer is not None:
        return  # what it takes are tokens
    features, outputs = prepared.scaling.in_features, prepared.task.num_outputs
    row = next(network.parameters()).new_zeros(1, features)
    try:
        found = network(row).shape[-1]
    except (RuntimeError, ValueError):  # torch's and ours, of another number of features
        found = None
    table = prepared.features.table
    inner = inner_network(network)
    if isinstance(inner, TableNetwork) and table is not None:  # a code must have its vector
        columns = (inner.config["num_numbers"], *inner.config["cardinalities"])
        if columns != (table.num_numbers, *table.cardinalities):
            found = None
    if found != outputs:
        raise ValueError(
            f"{printable(source)}: expected a network of {features} features and {outputs} "
            "outputs, as its preparation says; the files are not of one run"
        )
