"""The JSON file beside an artefact, and the fingerprint that tells it from others."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch

from qimlp.export.runnable.runnable import Runnable
from qimlp.export.runnable.tables import TablePreparation
from qimlp.files import shown
from qimlp.predictor import Predictor, Preparation


def fingerprint(predictor: Predictor) -> str:
    """Hash everything that decides what a predictor answers: weights, preparation, task.

    Args:
        predictor: Any.

    Returns:
        64 hexadecimal digits, the same on every machine.
    """
    prepared = Preparation(
        task=predictor.task.plain(),
        features=predictor.features,
        scaling=predictor.scaling,
        feature_shape=predictor.feature_shape,
        feature_names=predictor.feature_names,
    )
    digest = hashlib.sha256(json.dumps(prepared.to_dict(), sort_keys=True).encode())
    config = getattr(predictor.network, "config", {})
    digest.update(json.dumps(config, sort_keys=True).encode())
    for name, value in sorted(predictor.network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        array = value.detach().cpu().contiguous().view(torch.uint8).numpy()
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def manifest(predictor: Predictor, runnable: Runnable, **more: Any) -> dict[str, Any]:
    """Describe an artefact.

    Args:
        predictor: What was exported.
        runnable: The same as one module.
        more: What else there is to know, at the top.

    Returns:
        Plain data for JSON.
    """
    network, task = predictor.network, predictor.task
    found: dict[str, Any] = {
        **more,
        "task": task.kind,
        "inputs": [each.to_dict() for each in runnable.inputs],
        "outputs": [each.to_dict() for each in runnable.outputs],
        "class_names": list(task.class_names),
        "target_names": list(task.target_names),
        "network": getattr(network, "config", type(network).__name__),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "fingerprint": fingerprint(predictor),
    }
    preparation = runnable.preparation
    if isinstance(preparation, TablePreparation) and preparation.codes:
        named = next(each for each in runnable.inputs if each.name == "categories")
        found["categories"] = dict(zip(named.says["columns"], preparation.codes, strict=True))
    return found


def without_features(predictor: Predictor, *, head: bool) -> tuple[str, ...]:
    """Say what stayed behind where only the part behind a network's features was exported.

    Args:
        predictor: What was exported.
        head: Whether only that part was.

    Returns:
        One line, or none.
    """
    if not (head and predictor.features.of_texts):
        return ()
    maker = "the TF-IDF terms" if predictor.features.terms is not None else "the text encoder"
    return (
        f"the head alone: {maker} stayed behind, and x is what Features.encode gives before it is "
        "ordered and scaled",
    )


def limits(predictor: Predictor, *, head: bool) -> tuple[str, ...]:
    """Say what a user of an artefact has to know.

    Args:
        predictor: What was exported.
        head: Whether only the part behind the features was.

    Returns:
        One line each.
    """
    lines = [*without_features(predictor, head=head)]
    if predictor.features.offsets:
        lines.append("x is float64: some columns are large numbers close together")
    if predictor.features.resize:
        size = " x ".join(map(str, predictor.feature_shape))
        lines.append(f"x is an image of {size}: others have to be brought to that size before")
    table = predictor.features.table
    if table is not None and not head:
        left = table.width - len(table.columns)
        if left:
            are = (
                "column that told nothing is no input"
                if left == 1
                else "columns that told nothing are no inputs"
            )
            lines.append(f"{left} {are}")
        names = [column.name for column in table.columns if column.use == "number"]
        if names:
            lines.append(f"numbers are float64, NaN where missing: {shown(', '.join(names), 200)}")
        kinds = {column.name: column.kind for column in predictor.features.columns}
        truths = [name for name in names if kinds.get(name) == "boolean"]
        if truths:
            lines.append(f"truth values are 1 and 0: {shown(', '.join(truths), 200)}")
    return tuple(lines)
