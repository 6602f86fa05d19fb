"""A part of the examples that is set aside to tell which iteration is the best."""

from __future__ import annotations

import torch

from qimlp.data import permutation
from qimlp.estimators.canonical import Examples


def split(examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """Set a part aside, at random; of each class as much as of the others.

    Args:
        examples: All of them.
        fraction: Part that is set aside, between 0 and 1.
        seed: Fixes which.

    Returns:
        What is left to train on, and the validation part.

    Raises:
        ValueError: If nothing would be left on one side.
    """
    rows = permutation(len(examples), seed)
    if examples.targets.dim() == 1:
        rows = rows[examples.targets[rows].argsort(stable=True)]
    upto = (torch.arange(1, len(rows) + 1, dtype=torch.float64) * fraction + 0.5).floor()
    aside = upto.diff(prepend=torch.zeros(1, dtype=torch.float64)) > 0
    if bool(aside.all()) or not bool(aside.any()):
        raise ValueError(
            f"validation_fraction={fraction} of n_samples={len(examples)} leaves no row to train "
            "or to validate on; give more rows, another fraction, or early_stopping=False"
        )
    return examples.select(rows[~aside].sort()[0]), examples.select(rows[aside].sort()[0])
