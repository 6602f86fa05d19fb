"""What the outputs of a network mean, as a page's JavaScript computes and names them."""

from __future__ import annotations

from itertools import pairwise
from math import expm1, log
from statistics import NormalDist
from typing import Any

from qimlp.tasks import Quantiles, Regression, Task


def page_task(task: Task) -> dict[str, Any]:
    """Describe a task.

    Args:
        task: Of the network.

    Returns:
        Data for the page.

    Raises:
        ValueError: If the page cannot show its answers.
    """
    names = [str(name) for name in task.class_names or task.target_names]
    found: dict[str, Any] = {"kind": task.kind, "names": names}
    if isinstance(task, Regression | Quantiles):
        found |= {"shift": list(task.shift), "scale": list(task.scale)}
        count = len(names)
        found |= {"levels": [0.5], "middle": 0, "gaps": [], "margins": [0.0] * count}
    elif not task.answers_are_probabilities:
        raise ValueError(f"expected classes, labels or values as answers, got {task.kind}")
    if isinstance(task, Quantiles):
        normal = NormalDist()
        apart = [
            normal.inv_cdf(high) - normal.inv_cdf(low) for low, high in pairwise(task.quantiles)
        ]
        found |= {
            "levels": list(task.quantiles),
            "middle": task.middle,
            "gaps": [log(expm1(distance)) for distance in apart],
            "margins": list(task.margins or (0.0,) * task.num_outputs),
        }
    return found
