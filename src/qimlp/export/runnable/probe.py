"""Raw rows to try an artefact on, and what the predictor itself answers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data import TableFeatures, centred
from qimlp.export.runnable.tables import text_codes
from qimlp.files import shown
from qimlp.predictor import Predictor

TOLERANCE = 1e-5
"""By how much an artefact may differ, as a part of the largest number that it answers, or of 1."""


@dataclass(frozen=True, eq=False)
class Probe:
    """Raw rows with the predictor's answers.

    Attributes:
        inputs: Arrays of shape (n, width) by name, categories as codes.
        texts: The same categories as texts of shape (n, width); None where there are none.
        outputs: What the predictor answers, by name.
    """

    inputs: dict[str, NDArray[Any]]
    texts: NDArray[Any] | None
    outputs: dict[str, NDArray[Any]]

    def difference(self, found: dict[str, NDArray[Any]]) -> float:
        """Compare what an artefact answers.

        Args:
            found: By name.

        Returns:
            The largest difference, as a part of the largest number of its output, or of 1.

        Raises:
            ValueError: If it is above `TOLERANCE`, or a name, a shape or a type is another.
        """
        if list(found) != list(self.outputs):
            raise ValueError(f"expected {list(self.outputs)} as outputs, got {shown(list(found))}")
        worst = 0.0
        for name, wanted in self.outputs.items():
            answer = found[name]
            if answer.shape != wanted.shape or answer.dtype != wanted.dtype:
                raise ValueError(
                    f"{name}: expected {wanted.dtype} of shape {wanted.shape}, got "
                    f"{answer.dtype} of shape {answer.shape}"
                )
            size = max(1.0, float(np.abs(wanted).max()))
            worst = max(worst, float(np.abs(answer - wanted).max()) / size)
        if not worst <= TOLERANCE:
            raise ValueError(
                f"the artefact answers otherwise than the network, by {worst:.1e} where "
                f"{TOLERANCE:.0e} is allowed; nothing was written"
            )
        return worst


def probe(predictor: Predictor, *, head: bool = False, rows: int = 33) -> Probe:
    """Draw rows like those that the predictor was trained on, and answer them.

    Args:
        predictor: On any device.
        head: Whether of a network on texts the part behind the features is meant.
        rows: How many.

    Returns:
        The rows and the answers.
    """
    random = np.random.default_rng(0)
    table = None if head else predictor.features.table
    if table is None:
        inputs, texts = {"x": _array_rows(predictor, random, rows)}, None
        features = torch.from_numpy(centred(inputs["x"], predictor.features.offsets or ()))
        features = predictor.features.ordered(features)
    else:
        inputs, texts = _table_rows(table, random, rows)
        features = table.apply(_frame(table, inputs, texts))
    return Probe(inputs, texts, _answers(predictor, features))


@torch.inference_mode()
def _answers(predictor: Predictor, features: Tensor) -> dict[str, NDArray[Any]]:
    parts = [predictor.network(x).float() for x in predictor.batches(features)]
    outputs = torch.cat(parts).cpu()
    answers = predictor.task.answers(outputs)
    if not bool(torch.isfinite(answers).all()):
        raise ValueError("the network's answers are not finite numbers: its weights are damaged")
    if predictor.task.answers_are_probabilities:
        return {"logits": outputs.numpy(), "probabilities": answers.numpy()}
    return {"values": answers.numpy()}


def _array_rows(predictor: Predictor, random: np.random.Generator, rows: int) -> NDArray[Any]:
    scaling, features = predictor.scaling, predictor.features
    repeats = scaling.in_features // len(scaling.shift)
    shift, scale = (np.repeat(np.array(v), repeats) for v in (scaling.shift, scaling.scale))
    drawn = np.empty((rows, scaling.in_features))
    order = slice(None) if features.order is None else np.array(features.order)
    drawn[:, order] = shift + scale * random.standard_normal(drawn.shape)
    if not features.offsets:
        return drawn.astype(np.float32)
    return drawn + np.array(features.offsets, dtype=np.float64)


def _table_rows(
    table: TableFeatures, random: np.random.Generator, rows: int
) -> tuple[dict[str, NDArray[Any]], NDArray[Any] | None]:
    """Rows with gaps, far values, and texts that were never seen."""
    inputs: dict[str, NDArray[Any]] = {}
    centre, scale = np.array(table.scaling.centre), np.array(table.scaling.scale)
    if len(centre):
        numbers = centre + scale * random.standard_cauchy((rows, len(centre)))
        numbers[random.random(numbers.shape) < 0.1] = np.nan
        inputs["numbers"] = numbers
    columns = [column for column in table.columns if column.use == "category"]
    if not columns:
        return inputs, None
    texts = np.empty((rows, len(columns)), dtype=object)
    codes = np.empty(texts.shape, dtype=np.int64)
    for place, column in enumerate(columns):
        known = text_codes(column.values)
        choices = [*known, "", "\N{BLACK QUESTION MARK ORNAMENT}"]
        drawn = [choices[i] for i in random.integers(len(choices), size=rows)]
        texts[:, place] = drawn
        codes[:, place] = [known.get(text, 0) for text in drawn]
    return {**inputs, "categories": codes}, texts


def _frame(
    table: TableFeatures, inputs: dict[str, NDArray[Any]], texts: NDArray[Any] | None
) -> dict[str, NDArray[Any]]:
    """The rows as a table with all columns of the training table."""
    rows = len(next(iter(inputs.values())))
    found = {column.position: column.name for column in table.columns}
    frame = {found.get(p, f"unused {p}"): np.zeros(rows) for p in range(table.width)}
    places = {"number": 0, "category": 0}
    for column in table.columns:
        place = places[column.use]
        places[column.use] += 1
        source = inputs["numbers"] if column.use == "number" or texts is None else texts
        frame[column.name] = source[:, place]
    return frame
