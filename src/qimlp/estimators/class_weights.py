"""Weights of classes, as weights of their rows."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray

from qimlp.estimators.canonical import Examples
from qimlp.files import shown


def weights_of_classes(examples: Examples, chosen: Any, classes: NDArray[Any]) -> Examples:
    """Weigh examples by their class.

    Args:
        examples: Of a classification.
        chosen: `"balanced"`, by which all classes weigh the same in total; or a weight for each
            class, 1 where there is none.
        classes: The labels, in the order of the class numbers.

    Returns:
        The examples with other weights.

    Raises:
        ValueError: If a weight is of no class or negative, or a row may have several labels.
    """
    if examples.targets.dim() > 1:
        raise ValueError("class_weight: expected None where a row may have several labels")
    weights = examples.weights
    if weights is None:
        weights = torch.ones(len(examples), dtype=torch.float64)
    if isinstance(chosen, str):
        totals = torch.bincount(examples.targets, weights, minlength=len(classes))
        present = totals > 0
        each = torch.where(present, weights.sum() / (present.sum() * totals), 0.0)
    else:
        names = classes.tolist()
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise ValueError(
                f"class_weight: expected weights of the classes {shown(names, 80)}, got one of "
                f"{shown(unknown[0], 40)}"
            )
        each = torch.tensor([float(chosen.get(name, 1.0)) for name in names], dtype=torch.float64)
        if not bool((torch.isfinite(each) & (each >= 0)).all()) or not bool(
            each[examples.targets].any()
        ):
            raise ValueError(
                "class_weight: expected finite numbers of at least 0, and not all zero, got "
                f"{shown(chosen, 80)}"
            )
    return Examples(examples.inputs, examples.targets, weights * each[examples.targets])
