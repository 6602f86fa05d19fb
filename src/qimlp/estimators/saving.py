"""An estimator as a folder: what a `Predictor` saves, and `estimator.json`; nothing is pickled."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from qimlp.data import Scaling, TableFeatures
from qimlp.estimators.parameters import check_parameters
from qimlp.files import printable, read_json_object, shown, validated, whole_folder, write_json
from qimlp.models import TableNetwork
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Task

FILE_NAME = "estimator.json"


class Stored(BaseModel):
    """Schema of `estimator.json`.

    Attributes:
        kind: Name of the class.
        parameters: By name.
        columns: Number of columns.
        names: Their names, or None.
        classes: The labels, or None.
        classes_dtype: NumPy's name of their type, or None.
        loss_curve: Loss of each iteration.
        validation_scores: Score of each iteration.
        iterations: Their number.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: str
    parameters: dict[str, Any]
    columns: Annotated[int, Field(ge=1, lt=2**31)]
    names: list[str] | None = None
    classes: list[bool | int | float | str] | None = None
    classes_dtype: Annotated[str, Field(pattern=r"^(bool|u?int\d+|float\d+|str|object|<U\d+)$")] = (
        "object"
    )
    loss_curve: list[float]
    validation_scores: list[float]
    iterations: Annotated[int, Field(ge=0, lt=2**63)]

    def labels(self) -> NDArray[Any] | None:
        """Give the labels as they were.

        Returns:
            The array, or None.

        Raises:
            ValueError: If they are of another type.
        """
        if self.classes is None:
            return None
        found = np.array(self.classes, self.classes_dtype)
        if found.tolist() != self.classes:
            raise ValueError(f"labels: expected those of {self.classes_dtype}")
        return found


def write_folder(
    folder: str | os.PathLike[str],
    stored: Mapping[str, Any],
    network: TableNetwork,
    task: Task,
    features: TableFeatures,
) -> None:
    """Write an estimator whole or not at all; a folder that is there is replaced.

    Args:
        folder: Where.
        stored: The fields of `Stored`.
        network: Its network.
        task: What the network is trained to do.
        features: How columns become its inputs.

    Raises:
        ValueError: If something cannot stand in a file.
        OSError: If the folder is no estimator's, or it cannot be written.
    """
    width = features.in_features
    if not width:
        raise ValueError("save: every column was the same in all rows, so nothing was learned")
    path = Path(folder)
    if path.exists() and not (path / FILE_NAME).is_file() and not _is_empty(path):
        raise FileExistsError(
            f"{printable(str(path))} exists and holds no estimator: name another folder"
        )
    predictor = Predictor(
        network=network,
        task=task,
        features=Features(table=features),
        scaling=Scaling("none", width, (0.0,), (1.0,)),
        feature_shape=(width,),
    )
    with whole_folder(path, replace=True) as new:
        predictor.save(new)
        write_json(new / FILE_NAME, dict(stored))


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def read_folder(
    folder: str | os.PathLike[str], kind: str, known: Collection[str], device: str
) -> tuple[Stored, TableNetwork, Task, TableFeatures]:
    """Read what `write_folder` wrote.

    Args:
        folder: Where.
        kind: Name of the class that is expected.
        known: Names of its parameters.
        device: Where the network goes.

    Returns:
        What describes the estimator, its network and task, and how columns become inputs.

    Raises:
        FileNotFoundError: If there is no such folder, or it is of no estimator.
        ValueError: If it is of another class, or damaged.
    """
    path = Path(folder)
    if path.is_dir() and not (path / FILE_NAME).is_file():
        raise FileNotFoundError(
            f"{printable(str(path))}: expected a folder that an estimator saved, found no "
            f"{FILE_NAME}; qimlp.Predictor.load loads runs and saved predictors"
        )
    file = path / FILE_NAME
    stored = validated(Stored, read_json_object(file, what="an estimator"), source=file)
    if stored.kind != kind:
        raise ValueError(f"{printable(str(path))}: expected a {kind}, got {shown(stored.kind, 60)}")
    try:
        stored.labels()
        check_parameters(kind, parameters_of(stored.parameters))
        _require_known(stored.parameters, known)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{printable(str(file))} is damaged: {error}") from error
    predictor = Predictor.load(path, device=device)
    features = predictor.features.table
    outputs = predictor.task.class_names or predictor.task.target_names
    fits = features is not None and features.width == stored.columns
    if stored.classes is not None:
        fits = fits and len(stored.classes) == len(outputs)
    if features is None or not fits or not isinstance(predictor.network, TableNetwork):
        raise ValueError(f"{printable(str(path))} is damaged: its files are not of one estimator")
    return stored, predictor.network, predictor.task, features


def _require_known(names: Collection[str], known: Collection[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"unknown parameter {shown(unknown[0], 60)}")


def plain_parameters(owner: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Turn parameters into plain data.

    Args:
        owner: Name of the estimator's class.
        parameters: By name.

    Returns:
        What `parameters_of` takes.

    Raises:
        ValueError: If one cannot stand in a file.
    """
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        if isinstance(plain, Mapping):  # names of JSON are texts
            plain = {"items": [[_plain(key), _plain(one)] for key, one in plain.items()]}
        if not _is_plain(plain):
            raise ValueError(
                f"save: {name}={shown(value, 60)} of {owner} cannot stand in a file; give "
                "set_params a number, a text or None for it first"
            )
        found[name] = plain
    return found


def parameters_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Turn plain data back into parameters.

    Args:
        stored: From `plain_parameters`.

    Returns:
        Parameters by name.

    Raises:
        ValueError: If it is no such data.
    """
    return {name: _parameter(name, value) for name, value in stored.items()}


def _parameter(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return _tuples(value)
    items = value.get("items")
    if not isinstance(items, list) or not all(map(_is_item, items)):
        raise ValueError(f"{name}: expected pairs, got {shown(value, 60)}")
    return dict(items)


def _is_item(pair: Any) -> bool:
    return (
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], bool | int | float | str)
    )


def plain_labels(classes: NDArray[Any]) -> dict[str, Any]:
    """Turn labels into plain data.

    Args:
        classes: The labels.

    Returns:
        The fields of `Stored` that hold them.

    Raises:
        ValueError: If a label is no text, number or truth value.
    """
    names = classes.tolist()
    if not all(type(name) in (bool, int, float, str) for name in names):
        raise ValueError(
            "save: expected labels that are texts, numbers or truth values, got "
            f"{shown(names[0], 60)}"
        )
    return {"classes": names, "classes_dtype": str(classes.dtype)}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or type(value) in (bool, int, float, str)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
